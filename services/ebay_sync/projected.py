"""Whether the projector has committed what was published: the only ground on which something is called stored."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from libs.db.pool import Database
from libs.projection.model import AnyReadModel
from services.ebay_sync.journal import Journal

FIRST_PAUSE = 0.01
LONGEST_PAUSE = 0.25
TELL_AFTER = 10.0


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where a fact stands in its topic."""

    partition: int
    offset: int


async def rows_stored(database: Database, model: AnyReadModel, places: Mapping[str, LogPlace], journal: Journal) -> int:
    """Wait until the read model has passed the places, then count the rows that are there, by their keys.

    A fact that the read model refused (it is in the projector's dead letters) has no row, and is not counted. When STOP
    is pressed meanwhile, what is there by then is counted: nothing, where the projector has not built the table yet.
    Raises DatabaseAway.
    """
    if not places:
        return 0
    ends: dict[int, int] = {}
    for place in places.values():
        ends[place.partition] = max(ends.get(place.partition, -1), place.offset)
    pause, waited, told = FIRST_PAUSE, 0.0, TELL_AFTER
    while not await _passed(database, model, ends) and not journal.stopping:
        await asyncio.sleep(pause)
        waited, pause = waited + pause, min(pause * 2, LONGEST_PAUSE)
        if waited >= told:
            journal.say("warning", f"Still waiting for the projector to store {len(places)} facts in {model.name}...")
            told *= 2
    return await _rows(database, model, places)


async def _passed(database: Database, model: AnyReadModel, ends: Mapping[int, int]) -> bool:
    async with database.connection() as connection:
        rows = await connection.fetch(
            """
            SELECT c.partition, c.next_offset FROM projection.checkpoints c JOIN projection.builds b ON b.id = c.build
            WHERE b.read_model = $1 AND b.place = 'live' AND c.topic = $2
            """,
            model.name,
            model.topics[0],
        )
    reached = {row["partition"]: row["next_offset"] for row in rows}
    return all(reached.get(partition, 0) > offset for partition, offset in ends.items())


async def _rows(database: Database, model: AnyReadModel, places: Mapping[str, LogPlace]) -> int:
    async with database.connection() as connection:
        if await connection.fetchval("SELECT to_regclass($1)", f"read_models.{model.name}") is None:
            return 0
        stored: int = await connection.fetchval(
            f"""
            SELECT count(*) FROM read_models.{model.name}
            JOIN unnest($1::text[], $2::int[], $3::bigint[]) AS wanted (key, at_partition, at_offset) USING (key)
            WHERE log_partition = at_partition AND log_offset >= at_offset
            """,  # noqa: S608  (the name of a declared read model)
            list(places),
            [place.partition for place in places.values()],
            [place.offset for place in places.values()],
        )
    return stored
