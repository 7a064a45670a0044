"""Writes whose answer was lost: found at StockX, or, when they had time enough to show, sent again.

| write     | done, if                                                                                                |
|-----------|---------------------------------------------------------------------------------------------------------|
| creation  | there is a listing of that variant, amount and currency that was not there before it was sent, and that |
|           | is nobody else's                                                                                        |
| any other | the listing's last operation is of that kind, came over the API, is not known, and goes on or has led   |
|           | to what was wanted                                                                                      |
| batch     | as much is found of one of its first commands after `settle`: StockX takes a batch as a whole. A batch  |
|           | of creations is named by its listings; of others the name stays unknown, and their listings tell the    |
|           | rest (states.py)                                                                                        |

An operation that was done in vain (FAILED) is sent once more: to want the same state twice does no harm.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from libs.db.pool import Connection
from libs.http.errors import Garbage, NotFound, Refused, Unavailable
from libs.marketplaces.stockx.listing import Listing
from libs.marketplaces.stockx.listings import LARGEST_PAGE, ListingFilter
from libs.marketplaces.stockx.operation import LastOperation, OperationStatus
from libs.marketplaces.stockx.translate_operation import OURS
from libs.telemetry.log import get_logger
from schemas.listing_operations.listing_operation_changed import OperationStatus as OurStatus
from services.stockx_poller import ledger, unreadable
from services.stockx_poller.command import DEFAULT_CURRENCY, Command
from services.stockx_poller.listings import listed
from services.stockx_poller.narrowing import MOST_NAMES
from services.stockx_poller.sending import accepted
from services.stockx_poller.situation import Kind
from services.stockx_poller.work import Work

log = get_logger()

_LOOKS = 2
_FIRST = 10
"""Commands of a batch of creations that are looked for: hardly all of them fail while the rest succeeds."""
_FIRST_CHANGES = 2


async def look(work: Work) -> None:
    """Look for what is doubtful and due: a batch, all creations together, or one of the others."""
    async with work.lease.database.connection() as connection:
        due = await ledger.commands(connection, work.account, "status = 'doubtful' AND next_at <= now()")
    batch_no = next((each.batch_no for each in due if each.batch_no is not None), None)
    batch = [each for each in due if each.batch_no == batch_no] if batch_no is not None else []
    creations = [each for each in due if each.kind is Kind.CREATE and each.batch_no is None]
    looked_for = batch or creations or due[:1]
    try:
        if batch_no is not None:
            await _look_for_batch(work, batch_no, batch)
        elif creations:
            await _look_for_creations(work, creations)
        elif due:
            await _look_for_change(work, due[0])
    except (Garbage, Refused) as error:
        log.warning("nothing can be learned of a doubtful write", account=work.account, error=str(error))
        await unreadable.keep_answer(work.lease, error)
        async with work.lease.turn() as connection:
            await ledger.doubtful(connection, [each.id for each in looked_for], work.timing.settle / _LOOKS)
    except Unavailable:
        async with work.lease.turn() as connection:
            await ledger.doubtful(connection, [each.id for each in looked_for], work.timing.settle / _LOOKS)
        raise


async def _look_for_batch(work: Work, batch_no: str, commands: Sequence[Command]) -> None:
    """One look, when the batch has had time enough to show: those who send hundreds can wait for a minute."""
    async with work.lease.turn() as connection:
        left = work.timing.settle - (await ledger.now(connection) - _sent(commands[0]))
        if left > timedelta(0):
            await ledger.doubtful(connection, [each.id for each in commands], left)
            return
    if commands[0].kind is Kind.CREATE:
        found, batch_id = await _made(work, commands)
    else:
        found, batch_id = await _begun(work, commands[:_FIRST_CHANGES]), None
    async with work.lease.turn() as connection:
        if found:
            await accepted(connection, work, batch_no, batch_id, commands)
            return
        for command in commands:
            await _not_found(connection, work, command)


async def _made(work: Work, commands: Sequence[Command]) -> tuple[bool, str | None]:
    """Whether a listing of one of the first commands is there, and the batch that made it."""
    named = {each.variant_id: each for each in commands[:_FIRST] if each.variant_id is not None}
    async with work.lease.database.connection() as connection:
        counts = await listed(connection, work.account, "variant_id", named)
    chosen: list[str] = []
    for variant in sorted(named, key=lambda each: counts.get(each, 0)):
        if not chosen or sum(counts.get(each, 0) for each in (*chosen, variant)) + len(commands) <= LARGEST_PAGE:
            chosen.append(variant)
    candidates: list[Listing] = []
    async for page in work.stockx.listings.pages(ListingFilter(variant_ids=tuple(chosen))):
        candidates += page.entries
    async with work.lease.database.connection() as connection:
        new = await _nobodys(connection, work.account, candidates, _sent(commands[0]))
    for listing in new:
        if any(_is(listing, each) for each in commands) and listing.batch is not None:
            return True, listing.batch.batch_id
    return False, None


async def _begun(work: Work, commands: Sequence[Command]) -> bool:
    """Whether the first of these was begun at StockX; the next one is asked for only where it tells nothing."""
    for command in commands:
        try:
            listing = await work.stockx.listings.listing(command.listing)
        except NotFound:
            if command.kind is Kind.DELETE:
                return True
            continue
        last = listing.last_operation
        async with work.lease.database.connection() as connection:
            if last is not None and await _is_its(connection, command, listing, last):
                return True
        if last is None or last.status is not OperationStatus.FAILED:
            return False
    return False


async def _look_for_creations(work: Work, doubtful: Sequence[Command]) -> None:
    variants = tuple(dict.fromkeys(each.variant_id for each in doubtful if each.variant_id))[:MOST_NAMES]
    looked_for = [each for each in doubtful if each.variant_id in variants]
    candidates: list[Listing] = []
    async for page in work.stockx.listings.pages(ListingFilter(variant_ids=variants)):
        candidates += page.entries
    async with work.lease.turn() as connection:
        new = await _nobodys(connection, work.account, candidates, min(_sent(each) for each in looked_for))
        for command in looked_for:
            listing = next((each for each in new if _is(each, command)), None)
            if listing is None:
                await _not_found(connection, work, command)
                continue
            new.remove(listing)
            await _adopt(connection, command, listing.listing_id, listing.last_operation)


async def _look_for_change(work: Work, command: Command) -> None:
    try:
        listing = await work.stockx.listings.listing(command.listing)
    except NotFound:
        listing = None
    async with work.lease.turn() as connection:
        last = listing.last_operation if listing is not None else None
        if listing is None and command.kind is Kind.DELETE:
            at = await ledger.now(connection)
            done = command.started(at).model_copy(
                update={"status": OurStatus.SUCCEEDED, "marketplace_status": "NOT FOUND", "ended_at": at}
            )
            await ledger.told(connection, done)
        elif listing is not None and last is not None and await _is_its(connection, command, listing, last):
            await _adopt(connection, command, command.listing, last)
        else:
            await _not_found(connection, work, command)


async def _is_its(connection: Connection, command: Command, listing: Listing, last: LastOperation) -> bool:
    kinds = {command.kind.upper()} | ({"UPDATE"} if command.batch_no else set())
    if last.type not in kinds or last.initiated_via not in (None, OURS) or last.status is OperationStatus.FAILED:
        return False
    if last.status is OperationStatus.SUCCEEDED and not _leads_to(command, listing):
        return False
    return not await connection.fetchval(
        "SELECT EXISTS (SELECT FROM stockx_poller.operations WHERE account = $1 AND operation_id = $2)",
        command.account,
        last.operation_id,
    )


def _leads_to(command: Command, listing: Listing) -> bool:
    amount = command.wants.amount
    return command.expects in (None, listing.status) and (amount is None or amount == listing.amount)


async def _adopt(connection: Connection, command: Command, listing_id: str, last: LastOperation | None) -> None:
    """It was done: from now on it is polled by itself."""
    at = await ledger.now(connection)
    fact = command.started(at).model_copy(
        update={"listing_id": listing_id, "operation_id": last.operation_id if last else None}
    )
    await ledger.pending(connection, fact, timedelta(0))


async def _not_found(connection: Connection, work: Work, command: Command) -> None:
    """Not there yet. After `settle` it never comes, and may be sent again."""
    age = await ledger.now(connection) - _sent(command)
    if age < work.timing.settle:
        await ledger.doubtful(connection, [command.id], work.timing.settle / _LOOKS)
        return
    await ledger.unsent(connection, [command.id])
    if command.batch_no is not None:
        await connection.execute(
            "UPDATE stockx_poller.batches SET status = 'lost' WHERE batch_no = $1", command.batch_no
        )


async def _nobodys(
    connection: Connection, account: str, candidates: Sequence[Listing], since: datetime
) -> list[Listing]:
    """Those that are no command's, and that were not known before `since`; the oldest first, each once."""
    by_id = {each.listing_id: each for each in candidates}
    taken = await connection.fetch(
        """
        SELECT listing_id FROM stockx_poller.operations WHERE account = $1 AND listing_id = ANY ($2) AND kind = 'create'
        UNION SELECT listing_id FROM stockx_poller.listings
        WHERE account = $1 AND listing_id = ANY ($2) AND first_seen_at < $3
        """,
        account,
        list(by_id),
        since,
    )
    known = await connection.fetch(
        "SELECT batch_id FROM stockx_poller.batches WHERE account = $1 AND batch_id = ANY ($2)",
        account,
        [each.batch.batch_id for each in candidates if each.batch and each.batch.batch_id],
    )
    batches = {row["batch_id"] for row in known}
    gone = {row["listing_id"] for row in taken}
    left = [
        each
        for each in by_id.values()
        if each.listing_id not in gone and not (each.batch and each.batch.batch_id in batches)
    ]
    return sorted(left, key=lambda each: (each.created_at, each.listing_id))


def _is(listing: Listing, command: Command) -> bool:
    wants = command.wants
    variant = listing.variant.variant_id if listing.variant else None
    batched = bool(listing.batch and listing.batch.batch_id)
    return (
        variant == command.variant_id
        and (listing.amount or Decimal(0)) == wants.amount
        and listing.currency_code == (wants.currency_code or DEFAULT_CURRENCY)
        and batched is (command.batch_no is not None)
    )


def _sent(command: Command) -> datetime:
    if command.sent_at is None:
        raise AssertionError(f"{command.id} is doubtful and was never sent")
    return command.sent_at
