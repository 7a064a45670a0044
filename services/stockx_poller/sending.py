"""Commands become calls. What is about to be sent is noted before; what came of it, after.

| StockX's answer                              | the command                                                      |
|----------------------------------------------|------------------------------------------------------------------|
| an operation, a batch                        | pending                                                          |
| 400, 404, 413, … to a single write           | failed, with StockX's words                                      |
| 400, 404, 413, … to a batch                  | sent in batches a fifth as large, in the end alone: the answer   |
|                                              | does not tell which of them it was                               |
| 401, 403                                     | waits; the account is left alone for a while                     |
| 403 three times, while reading works         | as 400: it is the command that is forbidden, not the account     |
| 429, or not asked (limits, circuit, tokens)  | waits                                                            |
| 5xx, none, unreadable                        | doubtful: looked for before it is sent again (doubts.py)         |
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from libs.db.pool import Connection
from libs.http.errors import ApiError, Blocked, NotFound, Refused
from libs.marketplaces.stockx.batch import Batch, BatchKind
from libs.marketplaces.stockx.client import StockX
from libs.marketplaces.stockx.errors import may_have_happened
from libs.marketplaces.stockx.operation import Operation
from libs.marketplaces.stockx.translate_operation import as_told
from schemas.listing_operations.listing_operation_changed import OperationStatus
from services.stockx_poller import durations, ledger, unreadable
from services.stockx_poller.command import Command
from services.stockx_poller.shown import can_show
from services.stockx_poller.situation import Kind, SendBatch, SendOne
from services.stockx_poller.work import Work

FIRST_LOOK = 4
"""A part of the time that a write is given to show."""
_MOST_FORBIDDEN = 3
_SMALLER = 5
"""How much smaller batches are after one was refused: one bad command among 500 costs some 20 calls more."""


async def send_one(work: Work, call: SendOne) -> None:
    """Send a command by itself. Raises ApiError where the account must wait."""
    async with work.lease.turn() as connection:
        found = await ledger.commands(connection, work.account, "id = $2 AND status = 'waiting'", call.id)
        await ledger.sending(connection, [each.id for each in found], None)
    if not found:
        return
    command = found[0]
    work.lease.check(work.send_seconds)
    try:
        operation = await _sent(work.stockx, command)
    except ApiError as error:
        await _not_sent(work, [command], error)
        return
    async with work.lease.turn() as connection:
        await _started(connection, work, command, operation)


async def _started(connection: Connection, work: Work, command: Command, operation: Operation) -> None:
    at = await ledger.now(connection)
    fact = as_told(command.started(at), operation, at).model_copy(
        update={
            "status": OperationStatus.STARTED,
            "listing_id": operation.listing_id,
            "started_at": operation.created_at,
            "ended_at": None,
        }
    )
    await ledger.pending(connection, fact, timedelta(seconds=0 if operation.ended else work.pause(0)))
    if command.kind is Kind.CREATE:
        await connection.execute(
            "INSERT INTO stockx_poller.listings (account, listing_id, variant_id) VALUES ($1, $2, $3) "
            "ON CONFLICT DO NOTHING",
            work.account,
            operation.listing_id,
            command.variant_id,
        )


async def send_batch(work: Work, call: SendBatch) -> None:
    """Send commands together. Raises ApiError where the account must wait."""
    batch_no = str(uuid4())
    async with work.lease.turn() as connection:
        found = await ledger.commands(connection, work.account, "id = ANY ($2) AND status = 'waiting'", list(call.ids))
        if not found:
            return
        await ledger.sending(connection, [each.id for each in found], batch_no)
        found = await ledger.commands(connection, work.account, "batch_no = $2", batch_no)
        await connection.execute(
            "INSERT INTO stockx_poller.batches (batch_no, account, kind, status) VALUES ($1, $2, $3, 'sending')",
            batch_no,
            work.account,
            call.kind,
        )
    work.lease.check(work.send_seconds)
    try:
        batch = await _sent_together(work.stockx, call.kind, found)
    except ApiError as error:
        await _not_sent(work, found, error, batch_no=batch_no)
        return
    async with work.lease.turn() as connection:
        await accepted(connection, work, batch_no, batch.batch_id, found)


async def accepted(
    connection: Connection, work: Work, batch_no: str, batch_id: str | None, commands: Sequence[Command]
) -> None:
    """StockX works on a batch; `batch_id` is None if its answer was lost."""
    kind = commands[0].kind.batch
    wait = await durations.wait_for(connection, work.account, kind, work.timing.batch)
    await connection.execute(
        "UPDATE stockx_poller.batches SET status = 'pending', batch_id = $2, next_at = sent_at + $3::interval, "
        "by_states = $4 WHERE batch_no = $1",
        batch_no,
        batch_id,
        wait,
        batch_id is None or can_show(kind, commands),
    )
    at = await ledger.now(connection)
    facts = [each.started(at, batch_id=batch_id) for each in commands]
    await ledger.pending_together(connection, work.account, facts, None)


async def _sent(stockx: StockX, command: Command) -> Operation:
    listings = stockx.listings
    match command.kind:
        case Kind.CREATE:
            return await listings.create(command.new_listing())
        case Kind.UPDATE:
            return await listings.update(command.listing, command.change())
        case Kind.ACTIVATE:
            return await listings.activate(command.listing, command.change())
        case Kind.DEACTIVATE:
            return await listings.deactivate(command.listing)
        case Kind.DELETE:
            return await listings.delete(command.listing)


async def _sent_together(stockx: StockX, kind: BatchKind, commands: Sequence[Command]) -> Batch:
    match kind:
        case BatchKind.CREATE:
            return await stockx.batches.create([each.new_item() for each in commands])
        case BatchKind.UPDATE:
            return await stockx.batches.update([each.changed_item() for each in commands])
        case BatchKind.DELETE:
            return await stockx.batches.delete([each.listing for each in commands])


async def _not_sent(work: Work, commands: Sequence[Command], error: ApiError, *, batch_no: str | None = None) -> None:
    ids = [each.id for each in commands]
    await unreadable.keep_answer(work.lease, error)
    forbidden = isinstance(error, Blocked) and await _forbidden(work, ids)
    async with work.lease.turn() as connection:
        if may_have_happened(error):
            await ledger.doubtful(connection, ids, work.timing.settle / FIRST_LOOK)
            await _batch(connection, batch_no, "doubtful")
            return
        await _batch(connection, batch_no, "lost")
        if forbidden or isinstance(error, Refused | NotFound):
            if batch_no is not None:
                await ledger.unsent(connection, ids, pack=max(1, len(ids) // _SMALLER))
                return
            for command in commands:
                await ledger.refused(connection, command, error.detail)
            return
        await ledger.unsent(connection, ids)
    raise error


async def _forbidden(work: Work, ids: Sequence[str]) -> bool:
    """Whether these commands are what StockX forbids: it has done so often enough, and lets the account read."""
    async with work.lease.turn() as connection:
        rows = await connection.fetch(
            "UPDATE stockx_poller.operations SET forbidden = forbidden + 1 WHERE id = ANY ($1) RETURNING forbidden",
            list(ids),
        )
    if any(row["forbidden"] < _MOST_FORBIDDEN for row in rows):
        return False
    try:
        await work.stockx.listings.page(1, 1)
    except ApiError:
        return False
    return True


async def _batch(connection: Connection, batch_no: str | None, status: str) -> None:
    if batch_no is not None:
        await connection.execute("UPDATE stockx_poller.batches SET status = $2 WHERE batch_no = $1", batch_no, status)
