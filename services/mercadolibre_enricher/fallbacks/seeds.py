"""Items to be enriched, named by any source but the search: each becomes a job `enrich`, and not again too soon.

The job and the note that it was queued are one transaction (`ops.item_seeds`, `ops.jobs`): a crash loses neither and
doubles neither. While a job for an item is unfinished, the queue's dedupe key keeps a second one away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from libs.db.pool import Connection
from libs.jobs import JobQueue, NewJob
from libs.marketplaces.mercadolibre.jobs import JobType
from libs.telemetry.metrics import SEEDED_ITEMS

MARKETPLACE = "mercadolibre"

PRIORITY = 120
"""After what a person or a search asked for (100)."""


class Source(StrEnum):
    """Who named an item."""

    ORDER = "order"
    QUESTION = "question"
    LISTING = "listing"
    SEARCH_RUN = "search_run"
    IMPORT = "import"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Seed:
    """An item, and whose it is where that is known: MercadoLibre shows an item to its seller alone."""

    item_id: str
    source: Source
    account: str | None = None
    priority: int = PRIORITY


@dataclass(frozen=True, slots=True)
class Planted:
    """Which of the seeds were queued now; the others were queued not long ago, or are being worked on."""

    queued: frozenset[str]
    known: frozenset[str]


_DUE = """
INSERT INTO ops.item_seeds AS s (marketplace, item_id, account, source)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[])
ON CONFLICT (marketplace, item_id) DO UPDATE SET
    account = coalesce(excluded.account, s.account), source = excluded.source, queued_at = now(),
    times = CASE WHEN excluded.source = 'again' THEN s.times + 1 ELSE 1 END
WHERE s.queued_at <= now() - $5::interval
RETURNING item_id, account
"""
_OLDEST = """
SELECT item_id, account FROM ops.item_seeds
WHERE marketplace = $1 AND queued_at <= now() - $2::interval * least(times, $4)
ORDER BY queued_at, item_id LIMIT $3
"""

SLOWEST = 30
"""An item that nobody names any more is queued after once, twice, … at most so many times the usual wait."""


class Seeds:
    """Queues items. `again_after`: how long after an item was queued it is queued again, whoever names it."""

    def __init__(self, queue: JobQueue, again_after: timedelta) -> None:
        self._queue = queue
        self._again_after = again_after

    async def plant(self, seeds: Sequence[Seed]) -> Planted:
        """Queue what is due. Raises DatabaseAway; nothing is then half done."""
        if not seeds:
            return Planted(frozenset(), frozenset())
        async with self._queue.database.transaction() as connection:
            return await self.plant_in(connection, seeds)

    async def plant_in(self, connection: Connection, seeds: Sequence[Seed]) -> Planted:
        """The same within the caller's transaction."""
        named: dict[str, Seed] = {}
        for seed in seeds:
            named.setdefault(seed.item_id, seed)
        ordered = [named[item_id] for item_id in sorted(named)]  # two batches must not lock each other out
        due = await connection.fetch(
            _DUE,
            MARKETPLACE,
            [seed.item_id for seed in ordered],
            [seed.account for seed in ordered],
            [seed.source.value for seed in ordered],
            self._again_after,
        )
        accounts = {row["item_id"]: row["account"] for row in due}
        jobs = [_job(named[item_id], accounts[item_id]) for item_id in sorted(accounts)]
        enqueued = await self._queue.enqueue_in(connection, jobs)
        queued = {item_id for item_id, one in zip(sorted(accounts), enqueued, strict=True) if one.created}
        for seed in ordered:
            SEEDED_ITEMS.labels(MARKETPLACE, seed.source, "queued" if seed.item_id in queued else "known").inc()
        return Planted(frozenset(queued), frozenset(named.keys() - queued))

    async def plant_again(self, most: int) -> Planted:
        """Queue the items that were queued longest ago, at most so many of those that are due.

        Each time without anybody naming an item lengthens its next wait: what is refused, or sold out, fades away.
        """
        async with self._queue.database.transaction() as connection:
            rows = await connection.fetch(_OLDEST, MARKETPLACE, self._again_after, most, SLOWEST)
            return await self.plant_in(connection, [Seed(row["item_id"], Source.AGAIN, row["account"]) for row in rows])


def _job(seed: Seed, account: str | None) -> NewJob:
    payload: dict[str, object] = {"item_id": seed.item_id, "source": seed.source.value}
    if account is not None:
        payload["account"] = account
    return NewJob(JobType.ENRICH, payload, priority=seed.priority, dedupe_key=f"{JobType.ENRICH}:{seed.item_id}")
