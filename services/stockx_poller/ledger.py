"""What is known of operations, changed under an account's lease: each change with the fact that tells it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from libs.db.pool import Connection, Database
from schemas.listing_operations.listing_operation_changed import ListingOperationChangedV1, OperationStatus
from services.stockx_poller import outbox
from services.stockx_poller.command import Command

_ENDED = frozenset({OperationStatus.SUCCEEDED, OperationStatus.FAILED, OperationStatus.GIVEN_UP})


async def now(connection: Connection) -> datetime:
    """PostgreSQL's clock: the one that all replicas share."""
    moment: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return moment


async def commands(connection: Connection, account: str, condition: str, *arguments: object) -> list[Command]:
    """The account's commands that meet a condition (SQL of our own; its arguments begin at $2), the oldest first."""
    rows = await connection.fetch(
        f"SELECT * FROM stockx_poller.operations WHERE account = $1 AND commanded AND {condition} ORDER BY number",  # noqa: S608  (our own conditions)
        account,
        *arguments,
    )
    return [Command.of(row) for row in rows]


async def waits(database: Database, account: str) -> bool:
    """Whether a command waits to be sent."""
    async with database.connection() as connection:
        waiting: bool = await connection.fetchval(
            "SELECT EXISTS (SELECT FROM stockx_poller.operations WHERE account = $1 AND status = 'waiting')", account
        )
    return waiting


async def sending(connection: Connection, ids: Sequence[str], batch_no: str | None) -> None:
    """Note that commands are about to be sent: from here on their fate is not known until something tells it."""
    await connection.execute(
        "UPDATE stockx_poller.operations AS o SET status = 'sending', sent_at = now(), attempts = attempts + 1, "
        "batch_no = $2, item_id = NULL, polls = 0, before = (SELECT (l.fact::jsonb ->> 'updated_at')::timestamptz "
        "FROM stockx_poller.listings AS l "
        "WHERE l.account = o.account AND l.listing_id = o.listing_id AND NOT l.stale) WHERE id = ANY ($1)",
        list(ids),
        batch_no,
    )


async def unsent(connection: Connection, ids: Sequence[str], *, pack: int | None = None) -> None:
    """They were not sent, or StockX did nothing: they wait again; from now on in batches of `pack` at most."""
    await connection.execute(
        "UPDATE stockx_poller.operations SET status = 'waiting', batch_no = NULL, item_id = NULL, next_at = NULL, "
        "pack = least(pack, $2::integer) WHERE id = ANY ($1)",
        list(ids),
        pack,
    )


async def doubtful(connection: Connection, ids: Sequence[str], look_after: timedelta) -> None:
    """Nobody knows whether StockX has done them."""
    await connection.execute(
        "UPDATE stockx_poller.operations SET status = 'doubtful', next_at = now() + $2 WHERE id = ANY ($1)",
        list(ids),
        look_after,
    )


async def pending(connection: Connection, fact: ListingOperationChangedV1, poll_after: timedelta | None) -> None:
    """StockX works on a command. `poll_after` is None for the item of a batch, which is polled as a whole."""
    await pending_together(connection, fact.account, [fact], poll_after)


async def pending_together(
    connection: Connection, account: str, facts: Sequence[ListingOperationChangedV1], poll_after: timedelta | None
) -> None:
    """StockX works on these commands."""
    await connection.executemany(
        "UPDATE stockx_poller.operations SET status = 'pending', listing_id = $2, operation_id = $3, fact = $4, "
        "next_at = now() + $5 WHERE id = $1",
        [(fact.id, fact.listing_id, fact.operation_id, fact.model_dump_json(), poll_after) for fact in facts],
    )
    await outbox.put(connection, account, facts)


async def told(connection: Connection, fact: ListingOperationChangedV1) -> None:
    """An operation is in a new state; keep and publish it."""
    await told_together(connection, fact.account, [(fact, None)])


async def told_together(
    connection: Connection, account: str, facts: Sequence[tuple[ListingOperationChangedV1, str | None]]
) -> None:
    """Operations are in new states, each with its item of a batch if it has one; keep and publish them."""
    rows = [
        (
            fact.id,
            str(fact.status) if fact.status in _ENDED else "pending",
            fact.listing_id,
            fact.operation_id,
            fact.error,
            fact.model_dump_json(),
            item_id,
            fact.status in _ENDED,
        )
        for fact, item_id in facts
    ]
    await connection.executemany(
        "UPDATE stockx_poller.operations SET status = $2, listing_id = coalesce($3, listing_id), "
        "operation_id = coalesce($4, operation_id), error = $5, fact = $6, item_id = coalesce($7, item_id), "
        "ended_at = CASE WHEN $8 THEN now() END, next_at = CASE WHEN $8 THEN NULL ELSE next_at END WHERE id = $1",
        rows,
    )
    await outbox.put(connection, account, [fact for fact, _ in facts])


async def found(connection: Connection, fact: ListingOperationChangedV1, poll_after: timedelta) -> bool:
    """Keep and publish an operation that nobody here asked for; False if it is known."""
    ended = fact.status in _ENDED
    new = await connection.fetchval(
        "INSERT INTO stockx_poller.operations (id, account, commanded, kind, listing_id, variant_id, status, sent_at, "
        "ended_at, operation_id, error, fact, next_at) VALUES ($1, $2, false, $3, $4, $5, $6, now(), "
        "CASE WHEN $7 THEN now() END, $1, $8, $9, CASE WHEN $7 THEN NULL ELSE now() + $10::interval END) "
        "ON CONFLICT DO NOTHING RETURNING true",
        fact.id,
        fact.account,
        str(fact.kind),
        fact.listing_id,
        fact.variant_id,
        str(fact.status) if ended else "pending",
        ended,
        fact.error,
        fact.model_dump_json(),
        poll_after,
    )
    if new:
        await outbox.put(connection, fact.account, [fact])
    return bool(new)


async def refused(connection: Connection, command: Command, why: str) -> None:
    """StockX does not do it: there is no operation. Published as failed, so that whoever reads the topic knows."""
    at = await now(connection)
    fact = command.started(at).model_copy(
        update={
            "status": OperationStatus.FAILED,
            "marketplace_status": "REFUSED",
            "error": why[:1000],
            "ended_at": at,
        }
    )
    await told(connection, fact)
