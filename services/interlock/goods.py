"""What the catalog knows of a product: how many units there are, where it is listed, where another can be bought."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from libs.db.pool import Connection
from libs.entities.finding import rows
from libs.read_models.offers.queries import skus_of_listing
from libs.selling.channel import our_sku
from schemas.buy_offers.buy_offer_changed import ENTITY as OFFERS
from schemas.listing_drafts.listing_draft_changed import ENTITY as DRAFTS
from schemas.listing_drafts.listing_draft_changed import DraftStatus
from schemas.product_matches.product_match_changed import ENTITY as MATCHES
from schemas.sell_listings.sell_listing_changed import ENTITY as LISTINGS
from schemas.unified_products.unified_product_changed import ENTITY as PRODUCTS

UNITS = "unitsOnHand"
"""The member of a product's attributesJson that says how many units there ever were, sold ones among them."""

_LISTED = (DraftStatus.APPROVED, DraftStatus.PUBLISHED)
"""The states of a draft of which a listing may be there."""

SURE = Decimal("0.8")
"""Matches above this confidence count without a person's word: the document's best practices."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A listing by which a product can be bought."""

    sell_listing_id: int
    channel: str
    market: str
    item_id: str


async def on_hand(connection: Connection, product: int, unless_told: int | None) -> int | None:
    """How many units a product has, sold ones among them; None: there is no limit."""
    (row,) = await rows(connection, PRODUCTS, unified_product_id=product) or [None]
    told = row.attributes_json.get(UNITS) if row is not None else None
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else unless_told


async def offered(connection: Connection, product: int) -> list[Offered]:
    """Every listing of a product: its own, and those that are matched with it."""
    matches = await rows(connection, MATCHES, unified_product_id=product, entity_type="sell")
    sure = [match.entity_id for match in _sure(matches)]
    found = {row.key: row for row in await rows(connection, LISTINGS, unified_product_id=product)}
    found |= {row.key: row for row in await rows(connection, LISTINGS, sell_listing_id=sure)}
    return [Offered(int(row.key), row.channel, row.market, row.channel_item_id) for row in found.values()]


async def linked(connection: Connection, products: Collection[int]) -> list[int]:
    """The products that are the same goods as these: a listing of the one is matched with the other, either way round,
    and so on from there."""
    found, fresh = set(products), set(products)
    while fresh:
        theirs = await rows(connection, MATCHES, unified_product_id=sorted(fresh), entity_type="sell")
        matched = await rows(connection, LISTINGS, sell_listing_id=[one.entity_id for one in _sure(theirs)])
        own = await rows(connection, LISTINGS, unified_product_id=sorted(fresh))
        others = await rows(connection, MATCHES, entity_type="sell", entity_id=[int(one.key) for one in own])
        fresh = {one.unified_product_id for one in (*matched, *_sure(others))} - found
        found |= fresh
    return sorted(found)


def _sure(matches: Iterable[Any]) -> list[Any]:
    return [match for match in matches if match.confidence > SURE]


async def skus_of(
    connection: Connection, product: int, listing: int, channel: str, market: str, item_id: str
) -> list[str]:
    """Our SKUs under which a listing of a product may stand there: what the marketplace told of its offers, whoever
    made them, then our drafts', the newest first.

    A marketplace may have several drafts of one product as one listing, or as several: each draft is a SKU of its own.
    A listing is there before its draft is called published. What is matched with the product may be of another one.
    """
    products = {product} | {row.unified_product_id for row in await rows(connection, LISTINGS, sell_listing_id=listing)}
    drafts = await rows(
        connection,
        DRAFTS,
        gone=True,
        unified_product_id=sorted(products),
        channel=channel,
        market=market,
        status=[str(one) for one in _LISTED],
    )
    told = await skus_of_listing(connection, channel, item_id)
    return list(dict.fromkeys([*told, *(our_sku(int(draft.key)) for draft in reversed(drafts))]))


async def another(connection: Connection, product: int) -> str | None:
    """Where another unit can be bought, in words; None: no active offer is matched with the product."""
    matches = await rows(connection, MATCHES, unified_product_id=product, entity_type="buy")
    sure = [match.entity_id for match in _sure(matches)]
    offers = [
        row
        for row in await rows(connection, OFFERS, buy_offer_id=sure)
        if row.is_active and (row.stock_level is None or row.stock_level > 0)
    ]
    if not offers:
        return None
    best = min(offers, key=lambda row: (row.buy_cost_usd, row.lead_time_days is None, row.lead_time_days or 0))
    days = "" if best.lead_time_days is None else f" within {best.lead_time_days} days"
    return f"{best.supplier_name} sells it for {best.buy_cost_usd:.2f} USD{days} ({best.product_url})"
