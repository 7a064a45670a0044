"""Facts on their way to Kafka: written with the rows that they are about, published in their order, then deleted.

A process that dies in between publishes some of them again: the same state under the same id, which is harmless.
"""

import asyncio
from collections.abc import Sequence

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.db.pool import Connection
from libs.marketplaces.identity import state_id
from schemas.listing_operations.listing_operation_changed import ListingOperationChangedV1
from schemas.listings.listing_changed import ListingChangedV1
from schemas.orders.order_changed import OrderChangedV2
from schemas.registry import BY_MODEL, version_of_type
from services.stockx_poller.lease import Lease

OurFact = ListingOperationChangedV1 | ListingChangedV1 | OrderChangedV2

WITHIN_SECONDS = 30.0
AT_ONCE = 500


async def put(connection: Connection, account: str, facts: Sequence[OurFact]) -> None:
    """Write facts into the outbox, in the caller's transaction."""
    if facts:
        rows = [(account, BY_MODEL[type(fact)].type, fact.model_dump_json()) for fact in facts]
        await connection.executemany("INSERT INTO stockx_poller.outbox (account, type, fact) VALUES ($1, $2, $3)", rows)


async def flush(lease: Lease, publisher: Publisher) -> int:
    """Publish all that waits; returns how many. Raises NotPublished: what is left then is published later."""
    published = 0
    while rows := await _waiting(lease):
        facts = [(row["number"], _read(row["type"], row["fact"])) for row in rows]
        for wave in _waves(facts):
            await asyncio.gather(*(_publish(publisher, fact) for _, fact in wave))
        async with lease.turn() as connection:
            await connection.execute(
                "DELETE FROM stockx_poller.outbox WHERE number = ANY ($1)", [number for number, _ in facts]
            )
        published += len(rows)
    return published


async def _waiting(lease: Lease) -> Sequence[dict[str, object]]:
    async with lease.database.connection() as connection:
        rows = await connection.fetch(
            "SELECT number, type, fact FROM stockx_poller.outbox WHERE account = $1 ORDER BY number LIMIT $2",
            lease.account,
            AT_ONCE,
        )
    return [dict(row) for row in rows]


async def _publish(publisher: Publisher, fact: OurFact) -> None:
    await publisher.publish(Outgoing(fact, id=state_id(fact, fact.updated_at)), within=WITHIN_SECONDS)


def _waves(facts: Sequence[tuple[object, OurFact]]) -> list[list[tuple[object, OurFact]]]:
    """Facts that may be published at once: in each wave an entity has one. So its states keep their order."""
    waves: list[list[tuple[object, OurFact]]] = []
    depth: dict[tuple[type, str], int] = {}
    for number, fact in facts:
        entity = (type(fact), fact.key())
        place = depth.get(entity, 0)
        depth[entity] = place + 1
        if place == len(waves):
            waves.append([])
        waves[place].append((number, fact))
    return waves


def _read(ce_type: object, text: object) -> OurFact:
    fact = version_of_type(str(ce_type)).model.model_validate_json(str(text))
    if not isinstance(fact, ListingOperationChangedV1 | ListingChangedV1 | OrderChangedV2):
        raise TypeError(f"{ce_type} does not belong into this outbox")
    return fact
