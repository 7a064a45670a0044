"""What became of the operations of one listing: a call for the listing tells its last operation, and its state too."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from libs.db.pool import Connection
from libs.http.errors import ApiError, Garbage, NotFound, Refused
from libs.marketplaces.payload import Malformed
from libs.marketplaces.stockx.listing import Listing
from libs.marketplaces.stockx.operation import Initiator, LastOperation, Operation
from libs.marketplaces.stockx.routes import OPERATIONS
from libs.marketplaces.stockx.translate_operation import OURS, as_told, commanded_elsewhere, found_operation
from libs.telemetry.log import get_logger
from schemas.listing_operations.listing_operation_changed import (
    ListingOperationChangedV1,
    OperationKind,
    OperationStatus,
)
from services.stockx_poller import ledger, listings, unreadable
from services.stockx_poller.work import Work

log = get_logger()

NOTHING_LEARNED = (NotFound, Garbage, Refused)
"""What asking again at once would not mend."""


async def poll_listing(work: Work, listing_id: str) -> None:
    """Ask for a listing; if its last operation is not the one that is waited for, for all of its operations."""
    async with work.lease.database.connection() as connection:
        waited = await _open(connection, work.account, listing_id)
    listing: Listing | None = None
    gone = False
    try:
        listing = await work.stockx.listings.listing(listing_id)
    except NotFound as error:
        gone = any(fact.kind is OperationKind.DELETE for fact, _ in waited)
        if not gone:
            await unlearned(work, error)
    except NOTHING_LEARNED as error:
        await unlearned(work, error)
    told: dict[str, Operation | LastOperation] = {}
    if listing is not None and listing.last_operation is not None:
        told[listing.last_operation.operation_id] = listing.last_operation
    found: Sequence[Operation] = ()
    unknown = [fact for fact, _ in waited if fact.operation_id not in told]
    if any(not (gone and fact.kind is OperationKind.DELETE) for fact in unknown):
        found = await _operations(work, listing_id)
        told |= {each.operation_id: each for each in found}
    async with work.lease.turn() as connection:
        now = await ledger.now(connection)
        succeeded: set[str | None] = set()
        for fact, sent_at in waited:
            state = told.get(fact.operation_id or "") or await _unnamed(connection, fact, found)
            if gone and state is None and fact.kind is OperationKind.DELETE:
                await ledger.told(connection, _deleted(fact, now))
                continue
            new = await _learned(connection, work, fact, state, sent_at, now)
            if new.status is OperationStatus.SUCCEEDED:
                succeeded.add(new.operation_id)
        if gone:
            await listings.gone(connection, work.account, listing_id)
        if listing is not None:
            if listing.last_operation is not None and listing.last_operation.operation_id in succeeded:
                await _expected(connection, work.account, listing)
            await listings.put(connection, work.account, [listing])
            await _look_at(connection, work.account, listing)
        await _keep_found(connection, work, found, now)


async def put_off(work: Work, listing_id: str) -> None:
    """StockX fails when it is asked for this listing: that counts as a poll that told nothing."""
    async with work.lease.turn() as connection:
        now = await ledger.now(connection)
        for fact, sent_at in await _open(connection, work.account, listing_id):
            await _learned(connection, work, fact, None, sent_at, now)


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
        page = await work.stockx.operations.of_listing(listing_id)
    except NOTHING_LEARNED as error:
        await unlearned(work, error)
        return ()
    async with work.lease.turn() as connection:
        await unreadable.keep_entries(connection, work.account, OPERATIONS, page.unreadable)
    return page.entries


async def unlearned(work: Work, error: ApiError) -> None:
    """An answer that tells nothing counts as a poll: it is asked again after a pause, and given up in the end."""
    await unreadable.keep_answer(work.lease, error)
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
    kinds = {fact.kind.upper()}
    if fact.kind is not OperationKind.CREATE:
        kinds.add("UPDATE")  # of a batch: there StockX calls activations, too, updates
    for each in sorted(found, key=lambda one: one.created_at, reverse=True):
        if each.type in kinds and not commanded_elsewhere(each):
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
) -> ListingOperationChangedV1:
    """Keep what was learned of an operation; the operation as it is now."""
    new = fact if state is None else as_told(fact, state, now)
    if new.status is OperationStatus.STARTED and now - sent_at >= work.timing.give_up:
        new = given_up(new, now, now - sent_at)
    if new.status is not fact.status or new.operation_id != fact.operation_id:
        await ledger.told(connection, new)
    await connection.execute(
        "UPDATE stockx_poller.operations SET next_at = now() + $2, polls = polls + 1 "
        "WHERE id = $1 AND status = 'pending'",
        fact.id,
        timedelta(seconds=work.pause((now - sent_at).total_seconds())),
    )
    return new


async def _expected(connection: Connection, account: str, listing: Listing) -> None:
    """Its last operation is known, and has led to its status: nobody need look for another one."""
    await connection.execute(
        "UPDATE stockx_poller.listings SET expects = $3 WHERE account = $1 AND listing_id = $2",
        account,
        listing.listing_id,
        listing.status,
    )


def _deleted(fact: ListingOperationChangedV1, now: datetime) -> ListingOperationChangedV1:
    """StockX has no such listing any more: what was to delete it has."""
    ended = {"status": OperationStatus.SUCCEEDED, "marketplace_status": "NOT FOUND", "ended_at": now, "updated_at": now}
    return fact.model_copy(update=ended)


def given_up(fact: ListingOperationChangedV1, now: datetime, age: timedelta) -> ListingOperationChangedV1:
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
            await unreadable.keep_resource(connection, work.account, each, error)
            continue
        await ledger.found(connection, fact, timedelta(seconds=work.pause(0)))
