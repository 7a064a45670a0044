"""Stage one and a half: what a channel tells of a style code becomes part of the products with it as their model."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec

from libs.pricing.product_state import MarketPart, MarketView
from libs.pricing.trend import WINDOW_DAYS
from services.pricing.messages import PRODUCTS, AboutSku, MarketTold, ModelTold, Sent


class SizeMarket(msgspec.Struct):
    """A size's market on a channel as it was told last, and the counts of sales of the days before."""

    day: date
    ask_usd: Decimal | None = None
    at: datetime | None = None
    counts: list[tuple[date, int]] = []


class SkuMarket(msgspec.Struct):
    """What is remembered of a style code. `products`: their size, None for all; `sizes`: by channel and size."""

    products: dict[int, str | None] = {}
    sizes: dict[str, dict[str, SizeMarket]] = {}


def joined(_sku: str, state: SkuMarket, told: AboutSku) -> list[Sent]:
    """Put a message into the style code's state; what that means for products. Twice the same is told twice."""
    if isinstance(told, MarketTold):
        return _market(state, told)
    return _model(state, told)


def _model(state: SkuMarket, told: ModelTold) -> list[Sent]:
    if told.here:
        state.products[told.product_id] = told.size
        return [_part(state, channel, told.product_id) for channel in state.sizes]
    state.products.pop(told.product_id, None)
    return [Sent(PRODUCTS, str(told.product_id), MarketPart(channel, None)) for channel in state.sizes]


def _market(state: SkuMarket, told: MarketTold) -> list[Sent]:
    sizes = state.sizes.setdefault(told.channel, {})
    market = sizes.setdefault(told.size or "", SizeMarket(told.day))
    if told.day < market.day:
        return []  # an older state never replaces a newer one
    market.day, market.ask_usd, market.at = told.day, told.ask_usd, told.at
    first = told.day - timedelta(days=WINDOW_DAYS)
    market.counts = [(day, count) for day, count in market.counts if first <= day < told.day]
    if told.sales is not None:
        market.counts.append((told.day, told.sales))
    return [_part(state, told.channel, product) for product in sorted(state.products)]


def _part(state: SkuMarket, channel: str, product_id: int) -> Sent:
    size = state.products[product_id]
    markets = [each for name, each in state.sizes[channel].items() if size is None or name == size]
    asks = [(each.ask_usd, each.at) for each in markets if each.ask_usd is not None]
    grown = [max(0, each.counts[-1][1] - each.counts[0][1]) for each in markets if len(each.counts) > 1]
    ask, told_at = min(asks, key=lambda each: each[0], default=(None, None))
    view = MarketView(sum(grown) if grown else None, ask, told_at) if markets else None
    return Sent(PRODUCTS, str(product_id), MarketPart(channel, view))
