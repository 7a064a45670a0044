"""What became of operations: a listing's, by a call for the listing (it tells its state too); a batch's, at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from libs.db.pool import Connection
from libs.http.errors import ApiError, Garbage, NotFound, Refused
from libs.marketplaces.payload import Malformed
from libs.marketplaces.stockx.batch import BatchItem, BatchKind, ItemStatus
from libs.marketplaces.stockx.listing import Listing
from libs.marketplaces.stockx.operation import Initiator, LastOperation, Operation
from libs.marketplaces.stockx.translate import deleted
from libs.marketplaces.stockx.translate_operation import OURS, as_told, commanded_elsewhere, found_operation
from libs.marketplaces.stockx.values import whole
from libs.telemetry.log import get_logger
from schemas.listing_operations.listing_operation_changed import ListingOperationChangedV1, OperationStatus
from schemas.listings.listing_changed import ListingChangedV1
from services.stockx_poller import ledger, listings, outbox
from services.stockx_poller.command import Command
from services.stockx_poller.situation import Kind
from services.stockx_poller.work import Work

log = get_logger()

NOTHING_LEARNED = (NotFound, Garbage, Refused)
"""What asking again at once would not mend."""

_ITEM = {ItemStatus.COMPLETED: OperationStatus.SUCCEEDED, ItemStatus.FAILED: OperationStatus.FAILED}


async def poll_listing(work: Work, listing_id: str) -> None:
    """Ask for a listing; if its last operation is not the one that is waited for, for all of its operations."""
    async with work.lease.database.connection() as connection:
        waited = await _open(connection, work.account, listing_id)
    listing: Listing | None = None
    try:
        listing = await work.stockx.listings.listing(listing_id)
    except NOTHING_LEARNED as error:
        _unlearned(work, error)
    told: dict[str, Operation | LastOperation] = {}
    if listing is not None and listing.last_operation is not None:
        told[listing.last_operation.operation_id] = listing.last_operation
    found: Sequence[Operation] = ()
    if any(fact.operation_id not in told for fact, _ in waited):
        found = await _operations(work, listing_id)
        told |= {each.operation_id: each for each in found}
    async with work.lease.turn() as connection:
        now = await ledger.now(connection)
        for fact, sent_at in waited:
            state = told.get(fact.operation_id or "") or await _unnamed(connection, fact, found)
            await _learned(connection, work, fact, state, sent_at, now)
        if listing is not None:
            await listings.put(connection, work.account, [listing])
            await _look_at(connection, work.account, listing)
        await _keep_found(connection, work, found, now)


async def look_at_operations(work: Work, listing_id: str) -> None:
    """Find operations that somebody else has started: StockX, or the seller in its app."""
    found = await _operations(work, listing_id)
    async with work.lease.turn() as connection:
        await connection.execute(
            "UPDATE stockx_poller.listings SET look = false WHERE account = $1 AND listing_id = $2",
            work.account,
            listing_id,
        )
        await _keep_found(connection, work, found, await ledger.now(connection))


async def _operations(work: Work, listing_id: str) -> Sequence[Operation]:
    try:
        return (await work.stockx.operations.of_listing(listing_id)).entries
    except NOTHING_LEARNED as error:
        _unlearned(work, error)
        return ()


def _unlearned(work: Work, error: ApiError) -> None:
    """An answer that tells nothing counts as a poll: it is asked again after a pause, and given up in the end."""
    if not isinstance(error, NotFound):
        log.warning("an answer tells nothing", account=work.account, error=str(error))


async def _open(
    connection: Connection, account: str, listing_id: str
) -> list[tuple[ListingOperationChangedV1, datetime]]:
    rows = await connection.fetch(
        "SELECT fact, sent_at FROM stockx_poller.operations WHERE account = $1 AND listing_id = $2 "
        "AND status = 'pending' AND batch_no IS NULL ORDER BY number",
        account,
        listing_id,
    )
    return [(ListingOperationChangedV1.model_validate_json(row["fact"]), row["sent_at"]) for row in rows]


async def _unnamed(
    connection: Connection, fact: ListingOperationChangedV1, found: Sequence[Operation]
) -> Operation | None:
    """The operation of a write whose answer was lost: the newest of its kind that is not known."""
    if fact.operation_id is not None:
        return None
    for each in sorted(found, key=lambda one: one.created_at, reverse=True):
        if each.type == fact.kind.upper() and not commanded_elsewhere(each):
            known = await connection.fetchval(
                "SELECT EXISTS (SELECT FROM stockx_poller.operations WHERE account = $1 AND operation_id = $2)",
                fact.account,
                each.operation_id,
            )
            if not known:
                return each
    return None


async def _learned(
    connection: Connection,
    work: Work,
    fact: ListingOperationChangedV1,
    state: Operation | LastOperation | None,
    sent_at: datetime,
    now: datetime,
) -> None:
    new = fact if state is None else as_told(fact, state, now)
    if new.status is OperationStatus.STARTED and now - sent_at >= work.timing.give_up:
        new = _given_up(new, now, now - sent_at)
    if new.status is not fact.status or new.operation_id != fact.operation_id:
        await ledger.told(connection, new)
    await connection.execute(
        "UPDATE stockx_poller.operations SET next_at = now() + $2, polls = polls + 1 "
        "WHERE id = $1 AND status = 'pending'",
        fact.id,
        timedelta(seconds=work.pause((now - sent_at).total_seconds())),
    )


def _given_up(fact: ListingOperationChangedV1, now: datetime, age: timedelta) -> ListingOperationChangedV1:
    log.error("an operation did not end", account=fact.account, id=fact.id, listing_id=fact.listing_id, age=str(age))
    return fact.model_copy(
        update={
            "status": OperationStatus.GIVEN_UP,
            "error": f"It has not ended within {age}. Look at the listing at StockX.",
            "updated_at": now,
        }
    )


async def _look_at(connection: Connection, account: str, listing: Listing) -> None:
    """The last operation is somebody else's and not known: ask for all of them."""
    last = listing.last_operation
    if last is None or (last.initiated_by is not Initiator.SYSTEM and last.initiated_via in (None, OURS)):
        return
    await connection.execute(
        "UPDATE stockx_poller.listings SET look = true WHERE account = $1 AND listing_id = $2 AND NOT EXISTS "
        "(SELECT FROM stockx_poller.operations WHERE account = $1 AND operation_id = $3)",
        account,
        listing.listing_id,
        last.operation_id,
    )


async def _keep_found(connection: Connection, work: Work, found: Iterable[Operation], now: datetime) -> None:
    for each in found:
        if not commanded_elsewhere(each):
            continue
        try:
            fact = found_operation(each, work.account, None, now)
        except Malformed as error:
            log.warning("an operation is malformed", account=work.account, error=str(error))
            continue
        await ledger.found(connection, fact, timedelta(seconds=work.pause(0)))


async def poll_batch(work: Work, batch_no: str) -> None:
    """Ask for a batch's items; of deletions that have ended, also for their time: their listings are on no page."""
    async with work.lease.database.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM stockx_poller.batches WHERE batch_no = $1", batch_no)
        waited = await ledger.commands(connection, work.account, "batch_no = $2", batch_no)
    if row is None or row["batch_id"] is None:
        return
    kind, batch_id = BatchKind(row["kind"]), row["batch_id"]
    items: Sequence[BatchItem] = ()
    try:
        items = (await work.stockx.batches.items(kind, batch_id)).entries
    except NOTHING_LEARNED as error:
        _unlearned(work, error)
    fates = assigned(waited, items)
    ended = [(command, item) for command, item in fates if command.status == "pending" and item.status in _ITEM]
    at: datetime | None = None
    if ended and kind is BatchKind.DELETE:
        try:
            batch = await work.stockx.batches.batch(kind, batch_id)
            at = batch.completed_at or batch.updated_at
        except NOTHING_LEARNED as error:
            _unlearned(work, error)
    async with work.lease.turn() as connection:
        now = await ledger.now(connection)
        for command, item in ended:
            await _item_ended(connection, command, item, now, at)
        left = [each for each in waited if each.status == "pending" and each not in [one for one, _ in ended]]
        if left and now - row["sent_at"] >= work.timing.give_up:
            for each in left:
                await ledger.told(connection, _given_up(_fact(each), now, now - row["sent_at"]))
            left = []
        await connection.execute(
            "UPDATE stockx_poller.batches SET polls = polls + 1, status = $2, next_at = now() + $3 WHERE batch_no = $1",
            batch_no,
            "pending" if left else "ended",
            timedelta(seconds=work.pause((now - row["sent_at"]).total_seconds())),
        )


async def _item_ended(
    connection: Connection, command: Command, item: BatchItem, now: datetime, deleted_at: datetime | None
) -> None:
    status = _ITEM[ItemStatus(item.status)]
    listing_id = item.listing_id or command.listing_id
    fact = _fact(command).model_copy(
        update={
            "status": status,
            "marketplace_status": item.status,
            "listing_id": listing_id,
            "error": item.error,
            "ended_at": now,
            "updated_at": now,
            "raw": whole(item),
        }
    )
    await ledger.told(connection, fact, item_id=item.item_id)
    if status is not OperationStatus.SUCCEEDED or listing_id is None:
        return
    if command.kind is not Kind.DELETE or deleted_at is None:
        await listings.must_be_read(connection, command.account, listing_id, command.variant_id, command.expects)
        return
    text = await connection.fetchval(
        "SELECT fact FROM stockx_poller.listings WHERE account = $1 AND listing_id = $2", command.account, listing_id
    )
    if text is None:
        await listings.must_be_read(connection, command.account, listing_id, None, "DELETED")
        return
    state = deleted(ListingChangedV1.model_validate_json(text), deleted_at)
    await connection.execute(
        "UPDATE stockx_poller.listings SET status = 'DELETED', fact = $3, stale = false, look = false, expects = NULL "
        "WHERE account = $1 AND listing_id = $2",
        command.account,
        listing_id,
        state.model_dump_json(),
    )
    await outbox.put(connection, command.account, [state])


def assigned(commands: Sequence[Command], items: Sequence[BatchItem]) -> list[tuple[Command, BatchItem]]:
    """Which item is which command: by its listing; a creation's by what was asked for, those alike in their order.

    A command whose item is known keeps it, however the items are ordered.
    """
    by_item = {each.item_id: each for each in commands if each.item_id}
    waiting: dict[object, list[Command]] = defaultdict(list)
    for command in commands:
        if command.item_id is None:
            waiting[_signature(command)].append(command)
    pairs: list[tuple[Command, BatchItem]] = []
    for item in items:
        known = by_item.get(item.item_id)
        if known is not None:
            pairs.append((known, item))
        elif alike := waiting.get(_signature_of(item)):
            pairs.append((alike.pop(0), item))
    return pairs


def _signature(command: Command) -> object:
    if command.kind is Kind.CREATE:
        return command.variant_id, command.wants.amount, command.wants.active
    return command.listing_id


def _signature_of(item: BatchItem) -> object:
    told = item.input
    if told is not None and told.variant_id is not None:
        extra: Mapping[str, object] = told.model_extra or {}
        return told.variant_id, _amount(extra.get("amount")), told.active is not False
    return item.listing_id


def _amount(value: object) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _fact(command: Command) -> ListingOperationChangedV1:
    if command.fact is None:
        raise AssertionError(f"{command.id} is pending and has no fact")
    return command.fact
