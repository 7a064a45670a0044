"""market_data: one row per platform, product and size: the market as it was last told, and what it was before.

A row keeps the last MOST_POINTS moments (at one a day a year and four months); the topic keeps all.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from libs.projection.model import Position, ReadModel, Row
from libs.read_models.history import int8, is_news, row_columns
from schemas.market_data.market_data_recorded import MarketDataRecordedV1
from schemas.values import Money

MOST_POINTS = 500


class PricePoint(msgspec.Struct, frozen=True):
    """A market at a moment, in `currency`; None: nobody asked, bid, or had sold."""

    at: datetime
    currency: str | None
    lowest_ask: Decimal | None
    highest_bid: Decimal | None
    last_sale: Decimal | None


class MarketDataRow(Row, frozen=True, kw_only=True):
    platform: str
    sku: str
    size: str | None
    product_id: str
    variant_id: str | None
    currency: str | None
    lowest_ask: Decimal | None
    highest_bid: Decimal | None
    last_sale: Decimal | None
    last_sale_at: datetime | None
    sales: int | None
    history: tuple[PricePoint, ...]


def evolve(row: MarketDataRow | None, fact: MarketDataRecordedV1, position: Position) -> MarketDataRow | None:
    """The row after a fact, if it is news: the fact's own state, added to the history."""
    if not is_news(row, fact, position):
        return row
    currency = _currency(fact)
    ask, bid, sale = (_amount(each, currency) for each in (fact.lowest_ask, fact.highest_bid, fact.last_sale))
    point = PricePoint(fact.updated_at, currency, ask, bid, sale)
    before = () if row is None else row.history
    return MarketDataRow(
        *row_columns(fact, position),
        platform=fact.platform,
        sku=fact.sku,
        size=fact.size,
        product_id=fact.product_id,
        variant_id=fact.variant_id,
        currency=currency,
        lowest_ask=ask,
        highest_bid=bid,
        last_sale=sale,
        last_sale_at=None if sale is None else fact.last_sale_at,
        sales=int8(fact.sales, "sales"),
        history=(*before, point)[-MOST_POINTS:],
    )


def _currency(fact: MarketDataRecordedV1) -> str | None:
    """A row has one currency: that of the ask, else of the bid, else of the last sale."""
    return next((each.currency for each in (fact.lowest_ask, fact.highest_bid, fact.last_sale) if each), None)


def _amount(money: Money | None, currency: str | None) -> Decimal | None:
    return money.amount if money is not None and money.currency == currency else None


READ_MODEL = ReadModel("market_data", version=1, fact=MarketDataRecordedV1, row=MarketDataRow, evolve=evolve)
