"""An account's situation, as PostgreSQL tells it: by its clock, so that replicas with wrong clocks agree."""

from dataclasses import dataclass
from datetime import timedelta

from libs.db.pool import Connection, Database
from libs.marketplaces.stockx.limits import StockXLimits
from libs.quota.allowance import SharedAllowance
from libs.quota.quota import Quotas as Counters
from services.stockx_poller.situation import Kind, Poll, Quotas, Situation, Stale, Waiting

AT_ONCE = 500
MOST_WAITING = 5_000
"""Commands that are looked at for the next batch."""
PATIENCE = 3
"""Polls of a batch that makes listings, before the states of those that it has made are read without the rest."""

_WAITING = """
SELECT id, kind, pack, cluster, least(since_accepted, since_turn) AS age FROM (
    SELECT o.id, o.kind, o.pack, o.number, l.batch_id AS cluster,
        extract(epoch FROM now() - o.accepted_at)::float8 AS since_accepted,
        (SELECT extract(epoch FROM now() - max(ended_at))::float8 FROM stockx_poller.operations AS before
         WHERE before.account = o.account AND before.listing_id = o.listing_id) AS since_turn
    FROM stockx_poller.operations AS o
    LEFT JOIN stockx_poller.listings AS l ON l.account = o.account AND l.listing_id = o.listing_id
    WHERE o.account = $1 AND o.status = 'waiting' AND (o.listing_id IS NULL OR NOT EXISTS (
        SELECT FROM stockx_poller.operations AS earlier
        WHERE earlier.account = o.account AND earlier.listing_id = o.listing_id AND earlier.number < o.number
            AND earlier.commanded AND earlier.status IN ('waiting', 'sending', 'doubtful', 'pending')))
    ORDER BY o.number LIMIT $2
) AS turns ORDER BY number
"""
_POLLS = """
SELECT listing_id AS name, extract(epoch FROM min(next_at) - now())::float8 AS due_in, false AS batch, false AS states
FROM stockx_poller.operations
WHERE account = $1 AND status = 'pending' AND batch_no IS NULL AND listing_id IS NOT NULL GROUP BY listing_id
UNION ALL
SELECT batch_no, extract(epoch FROM next_at - now())::float8, true, by_states
FROM stockx_poller.batches WHERE account = $1 AND status = 'pending'
ORDER BY due_in LIMIT $2
"""
_DOUBTS = """
SELECT extract(epoch FROM min(next_at) - now())::float8 FROM stockx_poller.operations
WHERE account = $1 AND status = 'doubtful'
"""
_CHANGED = """
SELECT listing_id, batch_id, stale, look FROM stockx_poller.listings AS l
WHERE account = $1 AND (stale OR look) AND ask_at <= now()
    AND NOT EXISTS (
        SELECT FROM stockx_poller.operations AS o JOIN stockx_poller.batches AS b USING (batch_no)
        WHERE o.account = l.account AND o.listing_id = l.listing_id AND o.kind = 'create'
            AND b.status = 'pending' AND b.polls < $3)
ORDER BY batch_id, listing_id LIMIT $2
"""
_ROUNDS = """
SELECT swept_at IS NOT NULL AS swept, extract(epoch FROM sweep_at - now())::float8 AS sweep,
    extract(epoch FROM orders_at - now())::float8 AS orders, extract(epoch FROM history_at - now())::float8 AS history,
    extract(epoch FROM halted_until - now())::float8 AS halted
FROM stockx_poller.accounts WHERE account = $1
"""
_WINDOW = """
SELECT extract(epoch FROM min(sent_at) + $1::interval - now())::float8 FROM stockx_poller.batches
WHERE sent_at > now() - $1::interval
"""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """The situation, and for how many seconds the account is left alone (StockX refuses it)."""

    situation: Situation
    halted: float


class Survey:
    """Reads situations. `limits` are the application's."""

    def __init__(self, database: Database, limits: StockXLimits, allowance: SharedAllowance) -> None:
        self._database = database
        self._limits = limits
        self._allowance = allowance
        self._counters = Counters(database)

    async def of(self, account: str, *, wrote_last: bool = False, doubted_last: bool = False) -> Surveyed:
        """The account's situation now. Raises DatabaseAway."""
        quotas = await self.quotas()
        async with self._database.transaction(isolation="repeatable_read", readonly=True) as connection:
            rounds = await connection.fetchrow(_ROUNDS, account)
            if rounds is None:
                return Surveyed(Situation(quotas, swept=False), 0.0)
            changed = await connection.fetch(_CHANGED, account, AT_ONCE, PATIENCE)
            situation = Situation(
                quotas,
                waiting=await _waiting(connection, account),
                doubts_due_in=await connection.fetchval(_DOUBTS, account),
                polls=[Poll(**row) for row in await connection.fetch(_POLLS, account, AT_ONCE)],
                stale=[Stale(row["listing_id"], row["batch_id"]) for row in changed if row["stale"]],
                looks=[row["listing_id"] for row in changed if row["look"] and not row["stale"]],
                orders_due_in=rounds["orders"],
                history_due_in=rounds["history"],
                sweep_due_in=rounds["sweep"],
                swept=rounds["swept"],
                wrote_last=wrote_last,
                doubted_last=doubted_last,
            )
        return Surveyed(situation, rounds["halted"])

    async def quotas(self) -> Quotas:
        """What is left now. Raises DatabaseAway."""
        quota = self._limits.requests().quota
        if quota is None:
            raise AssertionError("StockX's requests are counted by the day")
        day = await self._counters.standing(quota)
        window, whole_day = await self._allowance.standings()
        async with self._database.connection() as connection:
            opens = await connection.fetchval(_WINDOW, timedelta(seconds=self._limits.items_window_seconds))
        spent_for_today = whole_day.remaining < window.remaining
        free_in = whole_day.reset_after.total_seconds() if spent_for_today else max(0.0, opens or 0.0)
        return Quotas(
            requests=day.remaining,
            day_ends_in=day.reset_after.total_seconds(),
            items=min(window.remaining, whole_day.remaining),
            items_free_in=free_in,
        )


async def _waiting(connection: Connection, account: str) -> list[Waiting]:
    rows = await connection.fetch(_WAITING, account, MOST_WAITING)
    return [Waiting(row["id"], Kind(row["kind"]), max(0.0, row["age"]), row["pack"], row["cluster"]) for row in rows]
