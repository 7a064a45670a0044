"""Requests with an Idempotency-Key: what was meant to be answered, and what was (`commands.requests`).

Source: draft-ietf-httpapi-idempotency-key-header. Only answers of commands that were carried out are kept.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID, uuid4

from libs.commands.command import Json
from libs.commands.errors import OtherRequest
from libs.db.locks import lock_in_transaction
from libs.db.pool import Connection, Database, Record

KEPT_DAYS = 7
_FORGOTTEN_AT_ONCE = 20


@dataclass(frozen=True)
class Request:
    """A repeatable request. `scope` names the command, `key` is the caller's, `content` is what he asked for."""

    scope: str
    key: str
    content: bytes

    @property
    def fingerprint(self) -> bytes:
        return hashlib.sha256(self.content).digest()


@dataclass(frozen=True)
class Meant:
    """A fact that an attempt was about to publish, and against what it was decided.

    `basis`: where its partition ended; `after`: the offset of the row's fact (-1: there was no row).
    """

    model: str
    key: str
    event_id: str
    topic: str
    partition: int
    basis: int
    after: int


@dataclass(frozen=True)
class Stored:
    """What is known of a request. `facts` is None if no attempt came as far as publishing."""

    identity: UUID
    ids: tuple[int, ...] = ()
    facts: tuple[Meant, ...] | None = None
    intended: Json = None
    answered: bool = False
    answer: Json = None


class Requests:
    """`aside` is a pool of its own: what is meant is committed beside the command's transaction."""

    def __init__(self, aside: Database) -> None:
        self._aside = aside

    async def take(self, connection: Connection, request: Request) -> Stored:
        """What is known of a request; its like waits until the end of the transaction. Raises OtherRequest."""
        await lock_in_transaction(connection, f"request {request.scope} {request.key}")
        row = await connection.fetchrow(
            "SELECT * FROM commands.requests WHERE scope = $1 AND key = $2", request.scope, request.key
        )
        if row is None:
            return Stored(uuid4())
        if row["fingerprint"] != request.fingerprint:
            raise OtherRequest(
                f"The Idempotency-Key {request.key[:80]!r} was used for another request: "
                "use a new key for a new request"
            )
        return _stored(row)

    async def intend(
        self, request: Request, identity: UUID, ids: Sequence[int], facts: Sequence[Meant], answer: Json
    ) -> None:
        """Commit what is about to be published and answered."""
        async with self._aside.connection() as connection:
            await connection.execute(
                """
                INSERT INTO commands.requests (scope, key, fingerprint, identity, ids, facts, intended)
                VALUES ($1, $2, $3, $4, $5, $6, $7)
                ON CONFLICT (scope, key) DO UPDATE
                SET ids = excluded.ids, facts = excluded.facts, intended = excluded.intended
                """,
                request.scope,
                request.key,
                request.fingerprint,
                identity,
                list(ids),
                json.dumps([asdict(fact) for fact in facts]),
                json.dumps(answer),
            )

    async def answered(self, connection: Connection, request: Request, identity: UUID, answer: Json) -> None:
        """Keep the answer, in the transaction of the rows; forget a few requests that are older than KEPT_DAYS."""
        await connection.execute(
            """
            INSERT INTO commands.requests (scope, key, fingerprint, identity, answer, answered_at)
            VALUES ($1, $2, $3, $4, $5, now())
            ON CONFLICT (scope, key) DO UPDATE SET answer = excluded.answer, answered_at = now()
            """,
            request.scope,
            request.key,
            request.fingerprint,
            identity,
            json.dumps(answer),
        )
        await connection.execute(
            """
            DELETE FROM commands.requests WHERE (scope, key) IN (
                SELECT scope, key FROM commands.requests WHERE created_at < now() - make_interval(days => $1)
                ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
            )
            """,
            KEPT_DAYS,
            _FORGOTTEN_AT_ONCE,
        )


def _stored(row: Record) -> Stored:
    def loaded(column: str) -> Any:
        return None if row[column] is None else json.loads(row[column])

    facts = loaded("facts")
    return Stored(
        row["identity"],
        tuple(row["ids"]),
        None if facts is None else tuple(Meant(**fact) for fact in facts),
        loaded("intended"),
        row["answered_at"] is not None,
        loaded("answer"),
    )
