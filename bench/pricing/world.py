"""The same products for both sides: as a board's messages, and as rows for PostgreSQL. Seeded, so always the same."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from libs.pricing.cost_rules import CostRule
from libs.pricing.product_state import BuyOffer, Listing, ListingPart, OfferPart, Part, ProductPart

CHANNEL, MARKET = "amazon", "US"
DAY = date(2026, 11, 21)
LISTED_ON = date(2026, 11, 20)


@dataclass(frozen=True, slots=True)
class Listed:
    """One listing: the product's own, then its competitors'."""

    listing_id: int
    product_id: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class World:
    """`listings` of about 0.55 times as many products: one listing each that is priced, 0 to 3 competitors."""

    products: tuple[tuple[int, Decimal], ...]
    listed: tuple[Listed, ...]

    @classmethod
    def of(cls, listings: int, seed: int = 8) -> "World":
        """Products until there are that many listings."""
        chance = random.Random(seed)  # noqa: S311 - prices, not secrets
        products: list[tuple[int, Decimal]] = []
        listed: list[Listed] = []
        while len(listed) < listings:
            number = len(products) + 1
            cost = Decimal(chance.randint(500, 90_000)).scaleb(-2)
            products.append((number, cost))
            for _ in range(min(1 + chance.choice((0, 0, 1, 1, 2)), listings - len(listed))):
                price = (cost * Decimal(chance.randint(90, 190)) / 100).quantize(Decimal("0.01"))
                listed.append(Listed(len(listed) + 1, number, price))
        return cls(tuple(products), tuple(listed))

    def parts(self) -> Iterator[tuple[int, Part]]:
        """What a board is told."""
        for number, cost in self.products:
            yield number, ProductPart("Shoes")
            yield number, OfferPart(number, BuyOffer(cost))
        for one in self.listed:
            listing = Listing(CHANNEL, MARKET, one.price, one.price, "USD", LISTED_ON)
            yield one.product_id, ListingPart(one.listing_id, listing)


def rule(number: int, fee: str, begins: date = date(2026, 1, 1), market: str = MARKET) -> CostRule:
    """A rule for every category."""
    return CostRule(
        id=number,
        channel=CHANNEL,
        market=market,
        category="*",
        fee_percent=Decimal(fee),
        fixed_fee_usd=Decimal("0.3"),
        ads_percent=Decimal("0.05"),
        returns_rate=Decimal("0.02"),
        avg_return_cost_usd=Decimal(8),
        packaging_cost_usd=Decimal("0.5"),
        other_cost_usd=Decimal("0.25"),
        effective_from=begins,
    )


RULES = (rule(1, "0.12", date(2025, 1, 1)), rule(2, "0.15"), rule(3, "0.10", market="*"))
CHANGED = rule(2, "0.13")
"""Number 2 holds for all listings, before and after."""
