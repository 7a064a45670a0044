"""What is remembered of one product for its opportunities, and what the changes of it look like.

Decimals are texts in JSON; everything is rebuilt from these bytes alone.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

K = TypeVar("K")
V = TypeVar("V")


class BuyOffer(msgspec.Struct, frozen=True):
    """An offer that can be bought from now, and is matched with the product."""

    cost_usd: Decimal


class Listing(msgspec.Struct, frozen=True):
    """A listing of the product. `price_usd` was computed on `fx_as_of` from the original price."""

    channel: str
    market: str
    price_usd: Decimal
    price_original: Decimal
    currency: str
    fx_as_of: date


class MarketView(msgspec.Struct, frozen=True):
    """What the channel itself tells of the product's market: at `asked_at` the lowest ask, in US dollars."""

    sales_in_90_days: int | None = None
    lowest_ask_usd: Decimal | None = None
    asked_at: datetime | None = None


class Product(msgspec.Struct):
    """A product with everything that bears on its opportunities.

    `places`: every channel and market it was ever listed on; `written`: those whose opportunity stands as we wrote it.
    `own_asks`: channels whose lowest ask was our own price when it was told, whatever we ask since.
    """

    category: str = ""
    condition: str | None = None
    exists: bool = False
    offers: dict[int, BuyOffer] = {}
    listings: dict[int, Listing] = {}
    markets: dict[str, MarketView] = {}
    own_asks: set[str] = set()
    places: set[tuple[str, str]] = set()
    written: set[tuple[str, str]] = set()


class ProductPart(msgspec.Struct, frozen=True, tag="product"):
    """The product itself; `category` is None when it is gone, `condition` where its attributes do not tell one."""

    category: str | None
    condition: str | None = None


class OfferPart(msgspec.Struct, frozen=True, tag="offer"):
    """A buy offer of the product; None: it is not one any more, or cannot be bought from."""

    offer_id: int
    offer: BuyOffer | None


class ListingPart(msgspec.Struct, frozen=True, tag="listing"):
    """A listing of the product; None: it is not one any more."""

    listing_id: int
    listing: Listing | None


class MarketPart(msgspec.Struct, frozen=True, tag="market"):
    """What is known of the product's sales on a channel; None: nothing any more."""

    channel: str
    view: MarketView | None


Part = ProductPart | OfferPart | ListingPart | MarketPart


def apply(product: Product, part: Part) -> None:
    """Put a change into a product's state. The same change twice changes nothing."""
    match part:
        case ProductPart():
            product.exists = part.category is not None
            product.category = part.category or ""
            product.condition = part.condition
        case OfferPart():
            _set(product.offers, part.offer_id, part.offer)
        case ListingPart():
            _set(product.listings, part.listing_id, part.listing)
            if part.listing is not None:
                product.places.add((part.listing.channel, part.listing.market))
        case MarketPart():
            _note_own_ask(product, part)
            _set(product.markets, part.channel, part.view)


def _note_own_ask(product: Product, part: MarketPart) -> None:
    """Decided once, when the ask is told: told again, it says nothing of our price since."""
    before, view = product.markets.get(part.channel), part.view
    if before and view and view.asked_at is not None and before.asked_at == view.asked_at:
        return
    ours = {each.price_usd for each in product.listings.values() if each.channel == part.channel}
    if view is not None and view.lowest_ask_usd in ours:
        product.own_asks.add(part.channel)
    else:
        product.own_asks.discard(part.channel)


def _set(members: dict[K, V], key: K, value: V | None) -> None:
    if value is None:
        members.pop(key, None)
    else:
        members[key] = value
