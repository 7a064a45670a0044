"""The dead-stock report: what has been in stock for long without a sale, what it is worth now, and how prices moved.

Pure: from stock lines, markets with their history, and our own sales. What is not known is None, and adds to no sum.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from libs.matching.sku import normalised
from libs.products.hits import codes
from libs.read_models.market_data.project import MarketDataRow, PricePoint
from services.market_data.available import StockLine
from services.market_data.own_sales import Sale
from services.market_data.products import plain_size

AGES: tuple[tuple[str, int | None], ...] = (
    ("0–30", 30),
    ("31–60", 60),
    ("61–90", 90),
    ("91–180", 180),
    ("> 180", None),
)
"""Days in stock: the name of each bar, and the last day that belongs to it."""

TREND = timedelta(days=90)
Goods = tuple[str, str | None]
"""A style code and a size in the forms in which they are compared."""

_CENT = Decimal("0.01")
_MOST_POINTS = 90


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Point(_Part):
    """The lowest ask at a moment."""

    at: datetime
    ask: Decimal


class Prices(_Part):
    """A platform's market. `change`: of the lowest ask over the trend's 90 days, as a share (-0.1 is 10 % down)."""

    platform: str
    currency: str | None
    lowest_ask: Decimal | None
    highest_bid: Decimal | None
    last_sale: Decimal | None
    change: Decimal | None
    updated_at: datetime


class Line(_Part):
    """So many of one size. `dead`: in stock for as long as the report says, and none of it sold meanwhile."""

    sku: str
    size: str | None
    title: str | None
    condition: str
    quantity: int
    days: int
    cost: Decimal | None
    cost_currency: str | None
    last_sold_at: datetime | None
    dead: bool
    prices: list[Prices]
    trend: list[Point]

    @property
    def stockx(self) -> Prices | None:
        return next((each for each in self.prices if each.platform == "stockx"), None)

    @property
    def goat(self) -> Prices | None:
        return next((each for each in self.prices if each.platform == "goat"), None)

    @property
    def margin(self) -> Decimal | None:
        """What selling one to the highest bid brings beyond its cost, before fees; None unless both are known."""
        best = self.stockx
        if best is None or best.highest_bid is None or self.cost is None or best.currency != self.cost_currency:
            return None
        return best.highest_bid - self.cost


class Age(_Part):
    """How many pairs have been in stock for so many days, and how many of them are dead."""

    name: str
    pairs: int
    dead: int


class Report(_Part):
    """`bound`: what the dead stock has cost, by currency; lines of unknown cost are counted in `without_cost`."""

    user_id: str
    made_at: datetime
    dead_after_days: int
    pairs: int
    dead_pairs: int
    bound: dict[str, Decimal]
    worth: dict[str, Decimal]
    without_cost: int
    ages: list[Age]
    lines: list[Line]


def report(
    user_id: str,
    stock: Iterable[StockLine],
    markets: Iterable[MarketDataRow],
    sales: Iterable[Sale],
    now: datetime,
    dead_after_days: int,
) -> Report:
    """A user's report: dead lines first, the longest in stock first."""
    by_size: dict[Goods, list[MarketDataRow]] = {}
    for row in markets:
        for key in _goods(row.sku, row.size):
            by_size.setdefault(key, []).append(row)
    sold = _last_sold((sale for sale in sales if sale.user_id in (None, user_id)), by_size)
    lines = [_line(each, by_size, sold, now, dead_after_days) for each in stock if each.user_id == user_id]
    lines.sort(key=lambda line: (not line.dead, -line.days, line.sku, line.size or ""))
    dead = [line for line in lines if line.dead]
    return Report(
        user_id=user_id,
        made_at=now,
        dead_after_days=dead_after_days,
        pairs=sum(line.quantity for line in lines),
        dead_pairs=sum(line.quantity for line in dead),
        bound=_sums((line.cost_currency, line.cost, line.quantity) for line in dead),
        worth=_sums((line.stockx.currency, line.stockx.highest_bid, line.quantity) for line in dead if line.stockx),
        without_cost=sum(line.quantity for line in dead if line.cost is None),
        ages=_ages(lines),
        lines=lines,
    )


def _goods(sku: str, size: str | None) -> set[Goods]:
    """What a market or a sale is about: one product may have several style codes (`CW2288-111/315122-111`)."""
    return {(normalised(code), plain_size(size)) for code in codes(sku)}


def _last_sold(sales: Iterable[Sale], markets: Mapping[Goods, list[MarketDataRow]]) -> dict[Goods, datetime]:
    """When each size was sold last. Orders name variants: the markets tell their sizes."""
    sizes = {row.variant_id: size for (_, size), rows in markets.items() for row in rows if row.variant_id}
    found: dict[Goods, datetime] = {}
    for sale in sales:
        for key in _goods(sale.sku, sizes.get(sale.variant_id or "", sale.size)):
            found[key] = max(sale.sold_at, found.get(key, sale.sold_at))
    return found


def _line(
    stock: StockLine,
    markets: Mapping[Goods, list[MarketDataRow]],
    sold: Mapping[Goods, datetime],
    now: datetime,
    dead_after_days: int,
) -> Line:
    key = normalised(stock.sku), plain_size(stock.size)
    rows = sorted(markets.get(key, []), key=lambda row: row.platform, reverse=True)
    days = max(0, (now - stock.since).days)
    last = sold.get(key)
    alive = days < dead_after_days or (last is not None and now - last < timedelta(days=dead_after_days))
    return Line(
        sku=stock.sku,
        size=stock.size,
        title=stock.title,
        condition=stock.condition,
        quantity=stock.quantity,
        days=days,
        cost=stock.cost_amount,
        cost_currency=stock.cost_currency,
        last_sold_at=last,
        dead=not alive,
        prices=[_prices(row, now) for row in rows],
        trend=_trend(rows[0].history, now) if rows else [],
    )


def _prices(row: MarketDataRow, now: datetime) -> Prices:
    trend = _trend(row.history, now)
    change = None
    if len(trend) > 1 and trend[0].ask:
        change = ((trend[-1].ask - trend[0].ask) / trend[0].ask).quantize(Decimal("0.0001"))
    return Prices(
        platform=row.platform,
        currency=row.currency,
        lowest_ask=row.lowest_ask,
        highest_bid=row.highest_bid,
        last_sale=row.last_sale,
        change=change,
        updated_at=row.updated_at,
    )


def _trend(history: Sequence[PricePoint], now: datetime) -> list[Point]:
    """The lowest asks of the last 90 days in the newest currency, the last one of each day."""
    currency = history[-1].currency if history else None
    days = {
        point.at.date(): Point(at=point.at, ask=point.lowest_ask)
        for point in history
        if point.lowest_ask is not None and point.currency == currency and now - point.at <= TREND
    }
    return list(days.values())[-_MOST_POINTS:]


def _sums(amounts: Iterable[tuple[str | None, Decimal | None, int]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for currency, amount, quantity in amounts:
        if currency is not None and amount is not None:
            found[currency] = found.get(currency, Decimal(0)) + amount * quantity
    return {currency: total.quantize(_CENT) for currency, total in sorted(found.items())}


def _ages(lines: Sequence[Line]) -> list[Age]:
    found, begin = [], 0
    for name, end in AGES:
        within = [line for line in lines if line.days >= begin and (end is None or line.days <= end)]
        dead = sum(line.quantity for line in within if line.dead)
        found.append(Age(name=name, pairs=sum(line.quantity for line in within), dead=dead))
        begin = (end or 0) + 1
    return found
