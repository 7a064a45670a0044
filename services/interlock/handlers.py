"""What each fact leads to. Marketplaces' orders are the quick way; the catalog's orders catch what was linked later.

| fact                        | leads to                                                                            |
|-----------------------------|-------------------------------------------------------------------------------------|
| order.changed               | a sale or the end of one, for the product of each line's listing and all that are   |
|                             | linked with it by matches, in one transaction                                       |
| marketplace_order.changed   | the same, for the order's product                                                   |
| sell_listing.changed        | the orders that waited for it are counted again; taken off, if the product's last   |
|                             | unit is sold                                                                        |
| unified_product.changed     | taken off, if there are no more units than were sold; if there are, no further one  |
| product_match.changed       | the same; and each product's sales count for the other                              |
"""

from collections.abc import Sequence
from datetime import timedelta

from libs.bus.message import Outgoing, Received, Record
from libs.bus.outcome import ErrorClass, Ignore, Reject, Wait
from libs.commands.errors import ReadModelBehind
from libs.db.errors import DatabaseAway, NotMigrated
from libs.entities.finding import rows
from libs.projection.model import Position
from libs.read_models.commanded import is_later
from schemas.marketplace_orders.marketplace_order_changed import MarketplaceOrderChangedV1
from schemas.marketplace_orders.marketplace_order_changed import MarketplaceOrderStatus as Ours
from schemas.orders.order_changed import OrderChangedV2, OrderStatus
from schemas.product_matches.product_match_changed import MatchedEntity, ProductMatchChangedV1
from schemas.registry import BY_MODEL
from schemas.sell_listings.sell_listing_changed import ENTITY as LISTINGS
from schemas.sell_listings.sell_listing_changed import SellListingChangedV1
from schemas.unified_products.unified_product_changed import ENTITY as PRODUCTS
from schemas.unified_products.unified_product_changed import UnifiedProductChangedV1
from services.interlock.counting import count
from services.interlock.goods import SURE, Offered, linked
from services.interlock.interlocking import Interlock
from services.interlock.reservations import Sale
from services.interlock.waiting import Ordered, ordered, park, unpark, waiting_for

WAIT = timedelta(seconds=1)

OVER = frozenset({OrderStatus.CANCELLED, OrderStatus.RETURNED, OrderStatus.REFUNDED})
OURS_OVER = frozenset({Ours.CANCELLED, Ours.RETURNED, Ours.REFUNDED})

TOPICS = tuple(
    BY_MODEL[fact].family.topic
    for fact in (
        OrderChangedV2,
        MarketplaceOrderChangedV1,
        SellListingChangedV1,
        ProductMatchChangedV1,
        UnifiedProductChangedV1,
    )
)


async def on_facts(batch: Sequence[Received], interlock: Interlock) -> list[Outgoing]:
    """Facts of one key, oldest first; only the last one's state counts, but a cancelled order was a sale before."""
    try:
        for received in batch:
            match received.fact:
                case OrderChangedV2() as order:
                    await _order(order, interlock)
                case MarketplaceOrderChangedV1() as ours:
                    await _ours(ours, interlock)
                case ProductMatchChangedV1() as match:
                    await _match(match, interlock)
                case UnifiedProductChangedV1() as product:
                    await _product(product, received.record, interlock)
                case SellListingChangedV1() as listing:
                    await _listing(listing, interlock)
                case _:
                    raise Reject(f"{received.envelope.type} is not for the interlock", ErrorClass.CONTRACT)
    except (DatabaseAway, NotMigrated, ReadModelBehind) as error:
        raise Wait(f"nothing can be reserved now: {error}", WAIT) from error
    return []


async def _order(order: OrderChangedV2, interlock: Interlock) -> None:
    if order.status is OrderStatus.UNKNOWN:
        raise Ignore(f"nobody knows what {order.marketplace_status!r} means for a unit")
    if order.status in OVER:
        async with interlock.database.connection() as connection:
            counted = await count(connection, ordered(order))
            await unpark(connection, order.key())
        await interlock.ended(counted.sales(order.key()), came_back=order.status is not OrderStatus.REFUNDED)
    else:
        await _sold(ordered(order), interlock)


async def _sold(order: Ordered, interlock: Interlock, fresh: SellListingChangedV1 | None = None) -> None:
    """Reserve what is known of an order; for the rest it waits. `fresh`: a listing whose row need not be there yet."""
    async with interlock.database.connection() as connection:
        counted = await count(connection, order, fresh)
        if counted.unlisted:
            await park(connection, order, counted.unlisted)
            counted = await count(connection, order, fresh)  # a listing that came meanwhile found nobody waiting
    await interlock.sold(counted.sales(order.key), counted.sold_by)
    if not counted.unlisted:
        async with interlock.database.connection() as connection:
            await unpark(connection, order.key)


async def _listing(listing: SellListingChangedV1, interlock: Interlock) -> None:
    if listing.deleted:
        return
    async with interlock.database.connection() as connection:
        waiting = await waiting_for(connection, listing.channel, listing.channel_item_id)
    for order in waiting:
        await _sold(order, interlock, listing)
    fresh = Offered(listing.sell_listing_id, listing.channel, listing.market, listing.channel_item_id)
    await interlock.listed(listing.unified_product_id, fresh)


async def _ours(order: MarketplaceOrderChangedV1, interlock: Interlock) -> None:
    key = f"{order.channel}:{order.channel_order_id}"
    async with interlock.database.connection() as connection:
        products = await linked(connection, {order.unified_product_id})
    sales = [Sale(product, key, order.quantity) for product in products]
    if order.deleted or order.status in OURS_OVER:
        await interlock.ended(sales, came_back=order.deleted or order.status != Ours.REFUNDED)
    else:
        await interlock.sold(sales)


async def _product(product: UnifiedProductChangedV1, record: Record, interlock: Interlock) -> None:
    """Its units may be others. A fact can be read before the command that decided it commits: the row must be there."""
    number = product.unified_product_id
    if product.deleted or not await interlock.knows(number):
        return
    async with interlock.database.connection() as connection:
        (row,) = await rows(connection, PRODUCTS, gone=True, unified_product_id=number) or [None]
    told = Position(PRODUCTS.topic, record.partition, record.offset, "", None)
    if row is not None and row.log_partition == told.partition and is_later(row, product, told):
        raise ReadModelBehind(f"the row of product {number} lacks its last change")
    await interlock.stocked(number)


async def _match(match: ProductMatchChangedV1, interlock: Interlock) -> None:
    """The listing may be of a product that is sold; its row is there, the match's own need not be yet."""
    if match.deleted or match.entity_type is not MatchedEntity.SELL or match.confidence <= SURE:
        return
    async with interlock.database.connection() as connection:
        (row,) = await rows(connection, LISTINGS, sell_listing_id=match.entity_id) or [None]
        if row is None:
            return
        products = await linked(connection, {match.unified_product_id, row.unified_product_id})
    fresh = Offered(match.entity_id, row.channel, row.market, row.channel_item_id)
    await interlock.linked(products)
    await interlock.listed(match.unified_product_id, fresh)
