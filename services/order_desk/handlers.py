"""What each fact leads to. Facts of one key come together, oldest first.

| fact                                        | leads to                                                            |
|---------------------------------------------|---------------------------------------------------------------------|
| order.changed                               | marketplaceOrders; then the parcels that waited for the order       |
| shipment.changed                            | shipments, the order's address and state                            |
| question.changed, message.changed           | messageTickets                                                      |
| marketplace_order.changed (anybody's)       | procurementJobs                                                     |
| marketplace_shipment.changed (anybody's)    | the order's state                                                   |
| sell_listing.changed                        | the orders that waited for the listing                              |
| product_match.changed                       | procurementJobs of open orders that have none, or only rejected ones|
| procurement_job.changed, rejected           | the next best offer's procurementJob                                |

| trouble                                     | fate                                                                |
|---------------------------------------------|---------------------------------------------------------------------|
| PostgreSQL or Kafka is away, projector late | waits; nothing is lost                                              |
| the catalog's rules refuse it               | tried again, then dead letter `policy`                              |
| what it refers to is not there              | parked (`GET /waiting`) until it comes                              |
| no documented step leads to what it says    | logged and parked (`GET /waiting`) with what a person is to do      |
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from libs.bus.message import Outgoing, Received
from libs.bus.outcome import ErrorClass, Reject
from schemas.entity import EntityFact
from schemas.envelope import Envelope
from schemas.event import Fact
from schemas.marketplace_orders.marketplace_order_changed import MarketplaceOrderChangedV1
from schemas.marketplace_shipments.marketplace_shipment_changed import MarketplaceShipmentChangedV1
from schemas.messages.message_changed import MessageChangedV1
from schemas.orders.order_changed import OrderChangedV2
from schemas.procurement_jobs.procurement_job_changed import ProcurementDecision, ProcurementJobChangedV1
from schemas.product_matches.product_match_changed import MatchedEntity, ProductMatchChangedV1
from schemas.questions.question_changed import QuestionChangedV1
from schemas.registry import BY_MODEL
from schemas.sell_listings.sell_listing_changed import SellListingChangedV1
from schemas.shipments.shipment_changed import ShipmentChangedV1
from services.order_desk import waiting
from services.order_desk.desk import Desk, fates
from services.order_desk.orders import on_order
from services.order_desk.parcels import on_parcel, on_shipment
from services.order_desk.procurement import procure, waiting_orders
from services.order_desk.tickets import on_message, on_question

Handle = Callable[[Any, Desk, Envelope], Awaitable[object]]


async def on_facts(batch: Sequence[Received], desk: Desk) -> list[Outgoing]:
    """Handle each fact of a batch; what the catalog's rows say already is left as it is."""
    for received in batch:
        with fates():
            if isinstance(received.fact, EntityFact):
                await desk.visible(received.fact)
            await handle(received.fact, desk, received.envelope)
    return []


async def handle(fact: Fact, desk: Desk, cause: Envelope) -> None:
    handler = HANDLERS.get(type(fact))
    if handler is None:
        raise Reject(f"{cause.type} is not for the order desk", ErrorClass.CONTRACT)
    await handler(fact, desk, cause)


async def _order(fact: OrderChangedV2, desk: Desk, cause: Envelope) -> None:
    names = [waiting.order(fact.marketplace, fact.order_id)]
    if fact.shipment_id is not None:
        await waiting.belongs(desk.database, fact)
        names.append(waiting.parcel(fact.marketplace, fact.shipment_id))
    if await on_order(fact, desk, cause):
        await _released(desk, cause, *names)


async def _catalog_order(fact: MarketplaceOrderChangedV1, desk: Desk, cause: Envelope) -> None:
    if not fact.deleted:
        await procure(fact.marketplace_order_id, desk, cause)
        await _released(desk, cause, waiting.order(fact.channel, fact.channel_order_id))
    await _released(desk, cause, waiting.state(fact.channel, fact.channel_order_id))


async def _parcel(fact: MarketplaceShipmentChangedV1, desk: Desk, cause: Envelope) -> None:
    if not fact.deleted:
        await on_parcel(fact, desk, cause)


async def _listing(fact: SellListingChangedV1, desk: Desk, cause: Envelope) -> None:
    if not fact.deleted:
        await _released(desk, cause, waiting.item(fact.channel, fact.channel_item_id))


async def _match(fact: ProductMatchChangedV1, desk: Desk, cause: Envelope) -> None:
    if fact.deleted or fact.entity_type is not MatchedEntity.BUY:
        return
    async with desk.database.connection() as connection:
        orders = await waiting_orders(connection, fact.unified_product_id)
    for order in orders:
        await procure(order, desk, cause)


async def _job(fact: ProcurementJobChangedV1, desk: Desk, cause: Envelope) -> None:
    if not fact.deleted and fact.decision is ProcurementDecision.REJECTED:
        await procure(fact.marketplace_order_id, desk, cause)


async def _released(desk: Desk, cause: Envelope, *names: str) -> None:
    for parked in await waiting.waiting_for(desk.database, *names):
        await handle(parked, desk, cause)


HANDLERS: Mapping[type[Fact], Handle] = {
    OrderChangedV2: _order,
    ShipmentChangedV1: on_shipment,
    QuestionChangedV1: on_question,
    MessageChangedV1: on_message,
    MarketplaceOrderChangedV1: _catalog_order,
    MarketplaceShipmentChangedV1: _parcel,
    SellListingChangedV1: _listing,
    ProductMatchChangedV1: _match,
    ProcurementJobChangedV1: _job,
}

TOPICS = tuple(BY_MODEL[fact].family.topic for fact in HANDLERS)
