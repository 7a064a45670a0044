"""From a product's state to the figures that its opportunities rest on, before any cost rule.

On each channel and market where the product is listed:
- bought from the cheapest offer (then the lowest number) that is matched, active and not out of stock;
- sold at the price of the listing that was entered first (the lowest number); all others there are its competitors,
  and so is the lowest ask that the channel tells, unless it is that very price;
- what a listing's price is in US dollars now, the caller may know better than the listing (newer exchange rates).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from libs.pricing.amounts import AmountRefused, checked_usd
from libs.pricing.opportunity import Competition, PriceStrategy, competition, queue_days, strategy
from libs.pricing.product_state import Listing, Product

Place = tuple[int, str, str]
"""Product, channel, market: whose opportunity it is."""


@dataclass(frozen=True, slots=True)
class Quote:
    """All of an opportunity that no cost rule changes; US dollars in whole cents."""

    place: Place
    category: str
    buy_cost_usd: Decimal
    sell_price_usd: Decimal
    days_to_sell: int | None
    others: Competition
    price_strategy: PriceStrategy


Price = Callable[[Listing], Decimal]
"""A listing's price in US dollars as of now."""


def as_listed(listing: Listing) -> Decimal:
    """The price that the listing itself tells."""
    return listing.price_usd


def quotes(product_id: int, product: Product, price: Price = as_listed) -> Iterator[tuple[Place, Quote | None]]:
    """Every place that the product was ever listed on; None where there is nothing to sell or nothing to buy."""
    listed: dict[tuple[str, str], list[Listing]] = defaultdict(list)
    for _, listing in sorted(product.listings.items()):
        listed[listing.channel, listing.market].append(listing)
    cost = min((offer.cost_usd for offer in product.offers.values()), default=None)
    for channel, market in sorted(product.places):
        place = (product_id, channel, market)
        listings = listed.get((channel, market))
        if not product.exists or cost is None or not listings:
            yield place, None
        else:
            yield place, _quote(place, product, cost, listings, price)


def _quote(place: Place, product: Product, cost: Decimal, listings: list[Listing], price: Price) -> Quote | None:
    own, *others = map(price, listings)
    view = product.markets.get(place[1])
    if view is not None and view.lowest_ask_usd is not None and view.lowest_ask_usd != own:
        others.append(view.lowest_ask_usd)
    try:
        buy, sell = checked_usd(cost, "buyCostUsd"), checked_usd(own, "sellPriceUsd")
        rivals = competition(others)
    except AmountRefused:
        return None
    if not buy or not sell:
        return None  # a share of nothing is no percentage
    sales = view.sales_in_90_days if view is not None else None
    ahead = sum(checked_usd(other, "a competitor's price") <= sell for other in others)
    days = None if sales is None else queue_days(sales, ahead)
    return Quote(place, product.category, buy, sell, days, rivals, strategy(sell, rivals))
