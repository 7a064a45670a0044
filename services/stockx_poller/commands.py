"""Commands taken from users: durable before they are answered, and once under an Idempotency-Key."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from libs.db.pool import Connection, Database, Record
from libs.http.server import Problem
from services.stockx_poller.command import Wants
from services.stockx_poller.situation import Kind


@dataclass(frozen=True, slots=True)
class NewCommand:
    """What a user asks for."""

    account: str
    user_id: str
    kind: Kind
    wants: Wants
    listing_id: str | None = None
    variant_id: str | None = None

    def digest(self) -> bytes:
        """SHA-256 of what is asked for."""
        told = "\n".join((self.kind, self.listing_id or "", self.variant_id or "", self.wants.model_dump_json()))
        return hashlib.sha256(told.encode()).digest()


@dataclass(frozen=True, slots=True)
class Kept:
    """A command as its user may see it; `replayed`: it was kept before under the same Idempotency-Key."""

    id: str
    account: str
    kind: str
    status: str
    listing_id: str | None
    operation_id: str | None
    error: str | None
    accepted_at: datetime
    ended_at: datetime | None
    replayed: bool = False


_COLUMNS = "id, account, kind, status, listing_id, operation_id, error, accepted_at, ended_at, request_hash"
_OF_KEY = (
    f"SELECT {_COLUMNS} FROM stockx_poller.operations "  # noqa: S608  (our own names)
    "WHERE account = $1 AND user_id = $2 AND idempotency_key = $3"
)


async def keep(database: Database, new: NewCommand, key: str | None) -> Kept:
    """Keep a command; raises Problem 422 if its key belongs to another one, DatabaseAway if it is not kept."""
    async with database.transaction() as connection:
        row = await connection.fetchrow(
            f"""
            INSERT INTO stockx_poller.operations
                (id, account, commanded, user_id, idempotency_key, request_hash, kind, listing_id, variant_id, wants,
                 status)
            VALUES ($1, $2, true, $3, $4, $5, $6, $7, $8, $9, 'waiting')
            ON CONFLICT (account, user_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
            RETURNING {_COLUMNS}
            """,  # noqa: S608  (our own names)
            str(uuid4()),
            new.account,
            new.user_id,
            key,
            new.digest(),
            new.kind,
            new.listing_id,
            new.variant_id or await _variant(connection, new),
            new.wants.model_dump_json(),
        )
        if row is not None:
            return _kept(row)
        row = await connection.fetchrow(_OF_KEY, new.account, new.user_id, key)
    if row is None or row["request_hash"] != new.digest():
        raise Problem(422, "This Idempotency-Key was used for another command: take a new one.")
    return _kept(row, replayed=True)


class IdTaken(Exception):
    """The id of a command belongs to another one: it must be a new one for each."""


async def keep_under_its_id(database: Database, new: NewCommand, command_id: str) -> None:
    """Keep a command that brings its id along, once; raises IdTaken, DatabaseAway."""
    async with database.transaction() as connection:
        await connection.execute(
            """
            INSERT INTO stockx_poller.operations
                (id, account, commanded, user_id, request_hash, kind, listing_id, variant_id, wants, status)
            VALUES ($1, $2, true, $3, $4, $5, $6, $7, $8, 'waiting') ON CONFLICT (id) DO NOTHING
            """,
            command_id,
            new.account,
            new.user_id,
            new.digest(),
            new.kind,
            new.listing_id,
            new.variant_id or await _variant(connection, new),
            new.wants.model_dump_json(),
        )
        row = await connection.fetchrow(
            "SELECT account, request_hash FROM stockx_poller.operations WHERE id = $1", command_id
        )
    if row is None or (row["account"], row["request_hash"]) != (new.account, new.digest()):
        raise IdTaken(f"the id {command_id} belongs to another command: make a new one for each")


async def find(database: Database, accounts: list[str], command_id: str) -> Kept | None:
    """A command, or an operation that was found, of one of these accounts."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            f"SELECT {_COLUMNS} FROM stockx_poller.operations WHERE id = $1 AND account = ANY ($2)",  # noqa: S608  (our own names)
            command_id,
            accounts,
        )
    return None if row is None else _kept(row)


async def find_by_key(database: Database, account: str, user_id: str, key: str) -> Kept | None:
    """The command that a user gave under an Idempotency-Key."""
    async with database.connection() as connection:
        row = await connection.fetchrow(_OF_KEY, account, user_id, key)
    return None if row is None else _kept(row)


async def _variant(connection: Connection, new: NewCommand) -> str | None:
    return (
        await connection.fetchval(
            "SELECT variant_id FROM stockx_poller.listings WHERE account = $1 AND listing_id = $2",
            new.account,
            new.listing_id,
        )
        or None
    )


def _kept(row: Record, *, replayed: bool = False) -> Kept:
    return Kept(
        id=row["id"],
        account=row["account"],
        kind=row["kind"],
        status=row["status"],
        listing_id=row["listing_id"],
        operation_id=row["operation_id"],
        error=row["error"],
        accepted_at=row["accepted_at"],
        ended_at=row["ended_at"],
        replayed=replayed,
    )
