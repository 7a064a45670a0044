"""Market data: what buyers bid and sellers ask now. StockX v2 has no last sale, no history and no number of sales."""

from pydantic import Field

from libs.marketplaces.payload import Id
from libs.marketplaces.stockx.caller import StockXCaller
from libs.marketplaces.stockx.paging import read_array
from libs.marketplaces.stockx.routes import PRODUCT_MARKET, VARIANT_MARKET
from libs.marketplaces.stockx.values import Currency, OptionalAmount, StockXPayload

# fmt: off
CURRENCIES = frozenset({
    "AUD", "BRL", "CAD", "CHF", "CLP", "CNY", "DKK", "EUR", "GBP", "HKD",
    "HUF", "IDR", "ILS", "JPY", "KRW", "KWD", "MOP", "MXN", "MYR", "NOK",
    "NZD", "PEN", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD", "VND",
})
# fmt: on
"""In which StockX tells its market: the contract's `currencyCode`."""


def known_currency(code: str) -> str:
    """The code, if it is one of StockX's; raises ValueError."""
    if code not in CURRENCIES:
        raise ValueError(f"StockX tells no prices in {code[:10]!r}; it knows {', '.join(sorted(CURRENCIES))}")
    return code


class Market(StockXPayload):
    """The asks of one way of selling (standard, flex, direct)."""

    lowest_ask: OptionalAmount = None
    highest_bid_amount: OptionalAmount = None
    sell_faster: OptionalAmount = None
    earn_more: OptionalAmount = None
    beat_us: OptionalAmount = Field(default=None, alias="beatUS")


class MarketData(StockXPayload):
    """One variant's market, in `currency_code`. None means that there is no such ask or bid."""

    product_id: Id
    variant_id: Id
    currency_code: Currency
    lowest_ask_amount: OptionalAmount = None
    highest_bid_amount: OptionalAmount = None
    sell_faster_amount: OptionalAmount = None
    earn_more_amount: OptionalAmount = None
    flex_lowest_ask_amount: OptionalAmount = None
    standard_market_data: Market | None = None
    flex_market_data: Market | None = None
    direct_market_data: Market | None = None


class Markets:
    """The market as an account sees it."""

    def __init__(self, caller: StockXCaller) -> None:
        self._caller = caller

    async def of_product(self, product_id: str, currency: str = "USD") -> tuple[MarketData, ...]:
        """Every variant's market in one call; the account's own asks are left out. Raises NotFound."""
        query = {"currencyCode": currency}
        answer = await self._caller.call("GET", PRODUCT_MARKET, ids={"productId": product_id}, query=query)
        return read_array(f"GET {PRODUCT_MARKET}", answer, MarketData)

    async def of_variant(self, product_id: str, variant_id: str, currency: str = "USD") -> MarketData:
        """One variant's market, the account's own asks among it. Raises BadRequest if it is not of this product."""
        ids = {"productId": product_id, "variantId": variant_id}
        return await self._caller.read(MarketData, VARIANT_MARKET, ids, {"currencyCode": currency})
