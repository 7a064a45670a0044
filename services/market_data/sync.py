"""The synchronisation of market data: for each product in stock one call tells all its sizes, one fact each.

| what               | StockX                                  | GOAT (alias)                       |
|--------------------|-----------------------------------------|------------------------------------|
| lowest ask, bid    | market data of the product              | availabilities, new in a good box  |
| last sale          | of our own newest order                 | last sold, as alias tells it       |
| number of sales    | our own orders                          | nobody tells it: null              |
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.db.pool import Database
from libs.http.errors import ApiError, Blocked, Unauthorized
from libs.marketplaces.goat.client import Goat
from libs.marketplaces.goat.payloads import CURRENCY as GOAT_CURRENCY
from libs.marketplaces.goat.pricing import GoatPricing, SizePrices
from libs.marketplaces.stockx.market_data import MarketData
from libs.marketplaces.stockx.routes import PRODUCT_MARKET
from libs.marketplaces.stockx.values import whole
from libs.products.hits import best_hit
from libs.products.merge import NoSku
from libs.products.unreadable import UnreadableOf
from libs.read_models.market_data.queries import market_of
from libs.telemetry.log import get_logger
from schemas.market_data.market_data_recorded import MarketDataRecordedV1
from schemas.values import Money
from services.market_data.available import Wanted, available, wanted
from services.market_data.own_sales import Sale, own_sales
from services.market_data.products import Known, plain_size, variant_of
from services.market_data.reserve import Reserve
from services.market_data.run import Fate, Item, Status
from services.market_data.upstreams import AtStockX
from services.market_data.work import Turn

log = get_logger()

STOCKX, GOAT = "stockx", "goat"
_TOLD = frozenset({"productId", "variantId", "currencyCode", "lowestAskAmount", "highestBidAmount"})
_AT_ONCE = 100
_MISSING = "missing"
_AGAIN = timedelta(days=7)
"""What StockX does not have is looked for once in this time: a search that finds nothing costs a request, too."""

_MISSED = """
SELECT DISTINCT item FROM market.run_items JOIN market.runs USING (run_id)
WHERE kind = 'market_data' AND created_at > now() - $1::interval
  AND run_items.status = 'not_on_stockx' AND NOT told ? 'missing'
"""


class MarketSync:
    """A Task. `goat` is left out where no account is configured."""

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        stockx: AtStockX,
        goat: tuple[Goat, GoatPricing] | None,
        unreadable_of_goat: UnreadableOf,
        reserve: Reserve,
        currency: str,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._stockx = stockx.client
        self._products = stockx.products
        self._unreadable = stockx.unreadable
        self._goat = goat
        self._unreadable_of_goat = unreadable_of_goat
        self._reserve = reserve
        self._currency = currency

    async def __call__(self, turn: Turn) -> Status:
        run = turn.run
        if run.total is None:
            await turn.runs.plan(run.run_id, await self._plan())
        while waiting := await turn.runs.items(run.run_id, [Fate.WAITING], _AT_ONCE):
            for item in waiting:
                await turn.check()
                try:
                    fate, detail = await self._record(turn, item)
                except (Unauthorized, Blocked):
                    raise
                except (ApiError, NoSku) as error:
                    fate, detail = Fate.FAILED, str(error)
                    why = f"Market data sync failed for {item.item}"
                    log.error(why, run_id=run.run_id, error=detail)  # noqa: TRY400  (StockX's, no defect of ours)
                await turn.runs.mark(run.run_id, item.number, fate, detail)
        synced = await turn.runs.items(run.run_id, [Fate.DONE])
        log.info(f"Market data synced for {len(synced)} items", run_id=run.run_id)
        return Status.COMPLETED

    async def _plan(self) -> list[Item]:
        """The products in stock; those that StockX did not have lately are not looked for again."""
        async with self._database.connection() as connection:
            found = wanted(await available(connection))
            missed = {row["item"] for row in await connection.fetch(_MISSED, _AGAIN)}
        return [
            Item(number, each.sku, {_MISSING: True}, Fate.NOT_ON_STOCKX, "StockX did not have it lately")
            if each.sku in missed
            else Item(number, each.sku, asdict(each))
            for number, each in enumerate(found, 1)
        ]

    async def _record(self, turn: Turn, item: Item) -> tuple[Fate, str]:
        told = item.told or {}
        sizes = told.get("sizes")
        asked = Wanted(item.item, None if sizes is None else tuple(sizes))
        await self._reserve.keep(turn)
        known = await turn.patiently(lambda: self._products.find(asked.sku))
        facts: list[MarketDataRecordedV1] = []
        if known is not None:
            facts += await self._at_stockx(turn, known, asked)
        sku = asked.sku if known is None else known.sku
        why = "" if known is None else _lacking(asked, facts)
        if self._goat is not None:
            why += await self._at_goat(sku, asked, facts)
        for fact in facts:
            await self._publisher.publish(Outgoing(fact, id=f"{turn.run.run_id}:{fact.key()}"))
        detail = f"{len(facts)} markets{why}"
        return (Fate.NOT_ON_STOCKX if known is None else Fate.DONE), detail

    async def _at_stockx(self, turn: Turn, known: Known, asked: Wanted) -> list[MarketDataRecordedV1]:
        product_id = known.product.product_id
        markets = await turn.patiently(
            lambda: self._unreadable.kept(PRODUCT_MARKET, self._stockx.markets.of_product(product_id, self._currency))
        )
        at = datetime.now(UTC)
        async with self._database.connection() as connection:
            rows = await market_of(connection, known.sku)
            sales = [each for each in await own_sales(connection, [known.sku]) if each.marketplace == STOCKX]
        sizes: Mapping[str, str | None] = {row.variant_id: row.size for row in rows if row.variant_id is not None}
        if asked.sizes is None:
            unknown = any(each.variant_id not in sizes for each in markets)
        else:
            unknown = any(variant_of(sizes, size) is None for size in asked.sizes)
        if unknown:
            sizes = await turn.patiently(lambda: self._products.sizes(product_id))
        chosen = set(sizes) if asked.sizes is None else {variant_of(sizes, size) for size in asked.sizes}
        return [
            _stockx_fact(known.sku, each, sizes[each.variant_id], sales, at)
            for each in markets
            if each.variant_id in chosen and each.variant_id in sizes
        ]

    async def _at_goat(self, sku: str, asked: Wanted, facts: list[MarketDataRecordedV1]) -> str:
        """Add GOAT's markets to `facts`; the text says why there are none. GOAT's troubles are not the run's."""
        assert self._goat is not None
        catalog, pricing = self._goat
        try:
            page = await self._unreadable_of_goat.kept("search", catalog.search(sku))
            hit = best_hit(sku, page.entries)
            if hit is None or not hit.exact:
                return ", GOAT does not have it"
            prices = await self._unreadable_of_goat.kept("sizes", pricing.sizes(hit.product.catalog_id))
        except ApiError as error:
            return f", GOAT was not asked: {error}"
        at = datetime.now(UTC)
        chosen = [each.size for each in facts] if asked.sizes is None and facts else asked.sizes or tuple(prices)
        facts += [
            _goat_fact(sku, hit.product.catalog_id, prices[size], at) for size in chosen if size and size in prices
        ]
        return ""


def _lacking(asked: Wanted, facts: Sequence[MarketDataRecordedV1]) -> str:
    """Which sizes in stock StockX tells nothing of."""
    told = {plain_size(fact.size) for fact in facts}
    lacking = [size for size in asked.sizes or () if plain_size(size) not in told]
    return f", StockX has no size {', '.join(lacking)} of it" if lacking else ""


def _stockx_fact(
    sku: str, market: MarketData, size: str | None, sales: Sequence[Sale], at: datetime
) -> MarketDataRecordedV1:
    ours = [each for each in sales if market.variant_id == each.variant_id or _same(size, each.size)]
    last = next((each for each in reversed(ours) if each.currency == market.currency_code), None)
    return MarketDataRecordedV1(
        platform=STOCKX,
        sku=sku,
        size=size,
        product_id=market.product_id,
        variant_id=market.variant_id,
        lowest_ask=_money(market.lowest_ask_amount, market.currency_code),
        highest_bid=_money(market.highest_bid_amount, market.currency_code),
        last_sale=None if last is None else Money(amount=last.amount, currency=last.currency),
        last_sale_at=None if last is None else last.sold_at,
        sales=len(ours),
        updated_at=at,
        raw={name: value for name, value in whole(market).items() if name not in _TOLD},
    )


def _same(size: str | None, other: str | None) -> bool:
    return plain_size(size) is not None and plain_size(size) == plain_size(other)


def _goat_fact(sku: str, catalog_id: str, prices: SizePrices, at: datetime) -> MarketDataRecordedV1:
    return MarketDataRecordedV1(
        platform=GOAT,
        sku=sku,
        size=prices.size,
        product_id=catalog_id,
        lowest_ask=_money(prices.lowest_ask, GOAT_CURRENCY),
        highest_bid=_money(prices.highest_bid, GOAT_CURRENCY),
        last_sale=_money(prices.last_sale, GOAT_CURRENCY),
        updated_at=at,
    )


def _money(amount: Decimal | None, currency: str) -> Money | None:
    return None if amount is None else Money(amount=amount, currency=currency)
