"""Which missed notifications were looked at: `ops.missed_notifications`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from libs.db.pool import Connection

Outcome = Literal["published", "received"]

KEPT = timedelta(days=7)
"""Longer than the feed keeps them, so that none is taken for new while it is still told."""

_KNOWN = "SELECT event_id FROM ops.missed_notifications WHERE event_id = ANY($1::uuid[])"
_DECIDE = """
INSERT INTO ops.missed_notifications (event_id, account, topic, resource, outcome) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (event_id) DO NOTHING
"""
_FORGET = "DELETE FROM ops.missed_notifications WHERE decided_at < now() - $1::interval"


@dataclass(frozen=True, slots=True)
class Decided:
    """One of them, and what became of it."""

    event_id: str
    account: str
    topic: str
    resource: str | None
    outcome: Outcome


async def known(connection: Connection, event_ids: Iterable[str]) -> set[str]:
    """Those of them that were looked at before."""
    rows = await connection.fetch(_KNOWN, [UUID(one) for one in event_ids])
    return {str(row["event_id"]) for row in rows}


async def remember(connection: Connection, decided: Decided) -> None:
    """Keep what became of one."""
    await connection.execute(
        _DECIDE, UUID(decided.event_id), decided.account, decided.topic, decided.resource, decided.outcome
    )


async def forget_old(connection: Connection) -> None:
    """Let go of those that the feed does not tell any more."""
    await connection.execute(_FORGET, KEPT)
