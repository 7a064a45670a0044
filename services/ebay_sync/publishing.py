"""Publishing many facts at once, under ids that are made of what they say."""

import asyncio
from collections.abc import Sequence

from libs.bus.message import Outgoing
from libs.bus.publisher import MAX_MESSAGE_BYTES, Publisher
from libs.marketplaces.identity import state_id
from schemas.envelope import Envelope
from schemas.inventory.inventory_changed import InventoryChangedV1
from schemas.offers.offer_changed import OfferChangedV1
from schemas.orders.order_changed import OrderChangedV2
from services.ebay_sync.projected import LogPlace

WITHIN_SECONDS = 30.0
MOST_BYTES = MAX_MESSAGE_BYTES - 64 * 1024
"""Of a fact, so that its envelope fits into the message as well."""

StateFact = InventoryChangedV1 | OfferChangedV1 | OrderChangedV2


class TooLarge(Exception):
    """A fact does not fit into a message, now or later."""


def check_size(fact: StateFact) -> None:
    """Raise TooLarge for a fact that Kafka would refuse however often it is sent."""
    if (size := len(fact.encode())) > MOST_BYTES:
        raise TooLarge(f"{type(fact).__name__} {fact.key()} has {size} bytes, and {MOST_BYTES} fit into a message")


async def publish_all(
    publisher: Publisher, facts: Sequence[StateFact], cause: Envelope | None = None
) -> list[LogPlace]:
    """Publish facts of different entities; where each stands, in the given order. Raises NotPublished if one is not.

    `cause` is the notification that led to them, if it was one. Raises TooLarge before anything is sent.
    """
    for fact in facts:
        check_size(fact)
    sent = [
        publisher.publish(Outgoing(fact, id=state_id(fact, fact.updated_at)), cause=cause, within=WITHIN_SECONDS)
        for fact in facts
    ]
    done = await asyncio.gather(*sent, return_exceptions=True)  # all have ended: none is sent behind an error's back
    places: list[LogPlace] = []
    for one in done:
        if isinstance(one, BaseException):
            raise one
        places.append(LogPlace(one.partition, one.offset))
    return places
