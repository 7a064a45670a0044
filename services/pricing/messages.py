"""The internal topics: what stage one tells stage two. Nobody else reads them; they can be made again from the facts.

| topic            | key         | what                                                                              |
|------------------|-------------|-----------------------------------------------------------------------------------|
| pricing-offers   | buy offer   | offers, and the matches that lead to them: joined, they become parts of products   |
| pricing-skus     | style code  | products by their model, and markets by their style code: joined, likewise         |
| pricing-products | product     | parts of products; cost rules and exchange rates go to every partition            |
| pricing-…-changelog | as above | the tables: where they stand, so that another worker can go on                    |
"""

from datetime import date, datetime
from decimal import Decimal

import msgspec

from libs.pricing.cost_rules import CostRule
from libs.pricing.product_state import BuyOffer, ListingPart, MarketPart, OfferPart, ProductPart
from schemas.topics import Topic

OFFERS = "pricing-offers"
PRODUCTS = "pricing-products"
SKUS = "pricing-skus"
ENTITIES_TABLE = "entities"
OFFERS_TABLE = "offers"
SKUS_TABLE = "skus"
PRODUCTS_TABLE = "products"
SHARED_TABLE = "shared"
TABLES = (ENTITIES_TABLE, OFFERS_TABLE, SKUS_TABLE, PRODUCTS_TABLE, SHARED_TABLE)
PARTITIONS = 3
"""As many as the catalog's topics have: Faust then gives the same partitions of all of them to one worker."""


class OfferTold(msgspec.Struct, frozen=True, tag="offer"):
    """A buy offer; None: it is gone, or cannot be bought from."""

    offer: BuyOffer | None


class MatchTold(msgspec.Struct, frozen=True, tag="match"):
    """A match of a buy offer with a product; None: it does not lead here any more, or does not count."""

    match_id: int
    product_id: int | None


class ModelTold(msgspec.Struct, frozen=True, tag="model"):
    """A product with this style code, perhaps of one size; `here` False: it has another one now, or is gone."""

    product_id: int
    size: str | None
    here: bool


class MarketTold(msgspec.Struct, frozen=True, tag="told"):
    """What a channel told of one size, and when. `sales` is a count that grows; `ask_usd`: None in another currency."""

    channel: str
    size: str | None
    day: date
    ask_usd: Decimal | None
    sales: int | None
    at: datetime | None = None


class RuleTold(msgspec.Struct, frozen=True, tag="rule"):
    """A cost rule; None: it is gone."""

    rule_id: int
    rule: CostRule | None


class RatesTold(msgspec.Struct, frozen=True, tag="rates"):
    """A day's rates to the euro."""

    day: date
    per_euro: dict[str, Decimal]


AboutOffer = OfferTold | MatchTold
AboutSku = ModelTold | MarketTold
AboutProduct = ProductPart | OfferPart | ListingPart | MarketPart | RuleTold | RatesTold
Shared = RuleTold | RatesTold

encode = msgspec.json.Encoder().encode
decode_about_offer = msgspec.json.Decoder(AboutOffer).decode
decode_about_sku = msgspec.json.Decoder(AboutSku).decode
decode_about_product = msgspec.json.Decoder(AboutProduct).decode
decode_shared = msgspec.json.Decoder(Shared).decode


class Sent(msgspec.Struct, frozen=True):
    """A message on its way to an internal topic; `key` None: to every partition."""

    topic: str
    key: str | None
    message: AboutOffer | AboutSku | AboutProduct


def internal_topics(application: str) -> tuple[Topic, ...]:
    """The topics that pricing keeps for itself. Changelogs are compacted; what is on its way is kept for a week."""
    passing = [_topic(name, "delete") for name in (OFFERS, SKUS, PRODUCTS)]
    return (*passing, *(_topic(f"{application}-{table}-changelog", "compact") for table in TABLES))


def _topic(name: str, cleanup_policy: str) -> Topic:
    told = {"cleanup_policy": cleanup_policy, "retention": "forever" if cleanup_policy == "compact" else "7d"}
    return Topic.model_validate(
        {
            "name": name,
            "description": "Pricing's own.",
            "key": "see services/pricing/messages.py",
            "partitions": PARTITIONS,
            "producers": ("pricing",),
            "consumers": ("pricing",),
            **told,
        }
    )
