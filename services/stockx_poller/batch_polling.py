"""What became of a batch: told by its items, or, of deletions, by the batch itself if they have all succeeded.

| kind   | what is asked for                                       | why                                               |
|--------|---------------------------------------------------------|---------------------------------------------------|
| create | its items                                               | they name the new listings                        |
| update | the states of its listings (states.py), else its items  | the states must be read anyway, and mostly tell it|
| delete | the batch; its items, if not all of them have succeeded | it tells when: no page shows deleted listings     |
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from libs.db.pool import Connection, Record
from libs.marketplaces.stockx.batch import Batch, BatchItem, BatchKind, ItemStatus
from libs.marketplaces.stockx.batches import BatchItems
from libs.marketplaces.stockx.routes import BATCH_ITEMS
from libs.marketplaces.stockx.translate import deleted
from libs.marketplaces.stockx.values import whole
from schemas.listing_operations.listing_operation_changed import ListingOperationChangedV1, OperationStatus
from schemas.listings.listing_changed import ListingChangedV1
from schemas.values import Json
from services.stockx_poller import durations, ledger, listings, outbox, unreadable
from services.stockx_poller.assigning import assigned
from services.stockx_poller.command import Command
from services.stockx_poller.polling import NOTHING_LEARNED, given_up, unlearned
from services.stockx_poller.situation import Kind
from services.stockx_poller.work import Work

_ITEM = {ItemStatus.COMPLETED: OperationStatus.SUCCEEDED, ItemStatus.FAILED: OperationStatus.FAILED}
_PATIENCE = 2
"""Polls of a batch of deletions that has not ended, before its items are asked for one by one."""


async def poll_batch(work: Work, batch_no: str) -> None:
    """Ask for a batch's items, or first for the batch if it deletes."""
    async with work.lease.database.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM stockx_poller.batches WHERE batch_no = $1", batch_no)
        waited = await ledger.commands(connection, work.account, "batch_no = $2", batch_no)
    if row is None or row["batch_id"] is None:
        return
    kind, batch_id = BatchKind(row["kind"]), row["batch_id"]
    batch: Batch | None = None
    items = BatchItems((), ())
    try:
        if kind is BatchKind.DELETE:
            batch = await work.stockx.batches.batch(kind, batch_id)
        if batch is None or (not _all_succeeded(batch) and (batch.ended or row["polls"] >= _PATIENCE)):
            items = await work.stockx.batches.items(kind, batch_id)
    except NOTHING_LEARNED as error:
        await unlearned(work, error)
    async with work.lease.turn() as connection:
        now = await ledger.now(connection)
        left = {each.id: each for each in waited if each.status == "pending"}
        if batch is not None and _all_succeeded(batch):
            await succeeded(connection, work.account, [(each, whole(batch)) for each in left.values()], now, batch)
            left.clear()
        ended = [
            (command, item)
            for command, item in assigned(waited, items.entries)
            if command.id in left and item.status in _ITEM
        ]
        await _items_ended(connection, work.account, ended, now, batch)
        rest = [each for each in left.values() if each.id not in {command.id for command, _ in ended}]
        await ended_or_not(connection, work, row, rest, now)
        await unreadable.keep_entries(connection, work.account, BATCH_ITEMS, items.unreadable)


async def put_off(work: Work, batch_nos: Sequence[str]) -> None:
    """StockX fails when it is asked for these batches: that counts as a poll that told nothing."""
    async with work.lease.turn() as connection:
        now = await ledger.now(connection)
        for batch_no in batch_nos:
            row = await connection.fetchrow("SELECT * FROM stockx_poller.batches WHERE batch_no = $1", batch_no)
            left = await ledger.commands(connection, work.account, "batch_no = $2 AND status = 'pending'", batch_no)
            if row is not None and row["status"] == "pending":
                await ended_or_not(connection, work, row, left, now, by_states=row["by_states"])


def _all_succeeded(batch: Batch) -> bool:
    return batch.item_statuses is not None and batch.item_statuses.completed >= batch.total_items > 0


async def ended_or_not(
    connection: Connection, work: Work, row: Record, left: Sequence[Command], now: datetime, *, by_states: bool = False
) -> None:
    """A batch was asked for; `left` have not ended, as far as was told."""
    age = now - row["sent_at"]
    if left and age >= work.timing.give_up:
        for each in left:
            await ledger.told(connection, given_up(fact_of(each), now, age))
        left = ()
    guess, least = work.timing.batch, work.timing.first_poll
    if not left and row["polls"] == 0:
        await durations.had_ended(connection, work.account, row["kind"], guess, least)
    elif not left:
        await durations.was_late(connection, work.account, row["kind"], guess, age)
    await connection.execute(
        "UPDATE stockx_poller.batches SET polls = polls + 1, status = $2, next_at = now() + $3, by_states = $4 "
        "WHERE batch_no = $1",
        row["batch_no"],
        "pending" if left else "ended",
        timedelta(seconds=work.pause(age.total_seconds()) / 2),
        by_states,
    )


async def succeeded(
    connection: Connection,
    account: str,
    commands: Sequence[tuple[Command, Json]],
    now: datetime,
    batch: Batch | None = None,
) -> None:
    """Commands of a batch have succeeded, each with what told it. The states of their listings are the caller's,
    unless they are deleted."""
    facts = [
        fact_of(command).model_copy(
            update={
                "status": OperationStatus.SUCCEEDED,
                "marketplace_status": ItemStatus.COMPLETED.value,
                "ended_at": now,
                "updated_at": now,
                "raw": raw,
            }
        )
        for command, raw in commands
    ]
    await ledger.told_together(connection, account, [(fact, None) for fact in facts])
    await _deleted(connection, account, [each for each, _ in commands if each.kind is Kind.DELETE], now, batch)


async def _items_ended(
    connection: Connection,
    account: str,
    ended: Sequence[tuple[Command, BatchItem]],
    now: datetime,
    batch: Batch | None,
) -> None:
    facts: list[tuple[ListingOperationChangedV1, str | None]] = []
    gone: list[Command] = []
    stale: list[listings.Stale] = []
    for command, item in ended:
        listing_id = item.listing_id or command.listing_id
        update = {
            "status": _ITEM[ItemStatus(item.status)],
            "marketplace_status": item.status,
            "listing_id": listing_id,
            "error": item.error,
            "ended_at": now,
            "updated_at": now,
            "raw": whole(item),
        }
        fact = fact_of(command).model_copy(update=update)
        facts.append((fact, item.item_id))
        if fact.status is not OperationStatus.SUCCEEDED or listing_id is None:
            continue
        if command.kind is Kind.DELETE:
            gone.append(command)
        else:
            batch_id = fact.batch_id if command.kind is Kind.CREATE else None
            stale.append(listings.Stale(listing_id, command.variant_id, command.expects, batch_id))
    await ledger.told_together(connection, account, facts)
    await _deleted(connection, account, gone, now, batch)
    await listings.must_be_read(connection, account, stale)


async def _deleted(
    connection: Connection, account: str, commands: Sequence[Command], now: datetime, batch: Batch | None
) -> None:
    """The states follow from the deletions: no page shows them any more. Without a time of StockX's, ours must do."""
    at = now if batch is None else batch.completed_at or batch.updated_at
    rows = await connection.fetch(
        "SELECT listing_id, fact FROM stockx_poller.listings WHERE account = $1 AND listing_id = ANY ($2)",
        account,
        [each.listing for each in commands],
    )
    known = {row["listing_id"]: ListingChangedV1.model_validate_json(row["fact"]) for row in rows if row["fact"]}
    states = [deleted(known[each.listing], at) for each in commands if each.listing in known]
    await connection.executemany(
        "UPDATE stockx_poller.listings SET status = 'DELETED', fact = $3, stale = false, look = false, expects = NULL "
        "WHERE account = $1 AND listing_id = $2",
        [(account, each.listing_id, each.model_dump_json()) for each in states],
    )
    await outbox.put(connection, account, states)
    unknown = [listings.Stale(each.listing, None, "DELETED") for each in commands if each.listing not in known]
    await listings.must_be_read(connection, account, unknown)


def fact_of(command: Command) -> ListingOperationChangedV1:
    """A pending command's fact."""
    if command.fact is None:
        raise AssertionError(f"{command.id} is pending and has no fact")
    return command.fact
