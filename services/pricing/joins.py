"""The joins between the facts and the products, one line each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from services.pricing import markets, offers
from services.pricing.markets import SkuMarket
from services.pricing.messages import (
    OFFERS,
    OFFERS_TABLE,
    SKUS,
    SKUS_TABLE,
    Sent,
    decode_about_offer,
    decode_about_sku,
)
from services.pricing.offers import MatchedOffer


@dataclass(frozen=True)
class Join:
    """How a topic's messages are put into the states of its keys, which `table` remembers."""

    table: str
    empty: Callable[[], Any]
    stored: Callable[[bytes], Any]
    message: Callable[[bytes], Any]
    put: Callable[[str, Any, Any], list[Sent]]


JOINS: Mapping[str, Join] = {
    OFFERS: Join(
        OFFERS_TABLE, MatchedOffer, msgspec.json.Decoder(MatchedOffer).decode, decode_about_offer, offers.joined
    ),
    SKUS: Join(SKUS_TABLE, SkuMarket, msgspec.json.Decoder(SkuMarket).decode, decode_about_sku, markets.joined),
}
