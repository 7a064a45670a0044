"""The states of listings: kept, published when they have changed, read again after an operation, swept now and then."""

from collections.abc import Iterable
from datetime import timedelta

from libs.db.pool import Connection
from libs.http.errors import Garbage, NotFound, Refused
from libs.marketplaces.payload import Malformed
from libs.marketplaces.stockx.listing import Listing
from libs.marketplaces.stockx.listings import ListingFilter
from libs.marketplaces.stockx.translate import deleted, listing_changed
from libs.telemetry.log import get_logger
from schemas.listings.listing_changed import ListingChangedV1
from services.stockx_poller import ledger, outbox
from services.stockx_poller.situation import Refresh
from services.stockx_poller.work import Work

log = get_logger()

_SOLD = frozenset({"MATCHED", "COMPLETED", "CANCELED"})
"""What follows from an order, and not from an operation."""


async def put(connection: Connection, account: str, listings: Iterable[Listing]) -> None:
    """Keep states as StockX tells them now; publish those that have changed. An older one changes nothing."""
    for listing in listings:
        try:
            fact = listing_changed(listing, account)
        except Malformed as error:
            log.warning("a listing is malformed", account=account, listing_id=listing.listing_id, error=str(error))
            continue
        await _put(connection, fact, listing.variant.variant_id if listing.variant else None)


async def _put(connection: Connection, fact: ListingChangedV1, variant_id: str | None) -> None:
    row = await connection.fetchrow(
        "SELECT fact, status, expects, stale, look FROM stockx_poller.listings "
        "WHERE account = $1 AND listing_id = $2 FOR UPDATE",
        fact.account,
        fact.listing_id,
    )
    known = ListingChangedV1.model_validate_json(row["fact"]) if row is not None and row["fact"] else None
    older = known is not None and fact.updated_at < known.updated_at
    same = known is not None and _shown(known) == _shown(fact)
    look = row is not None and await _changed_by_others(connection, fact, row["status"], row["expects"])
    kept = known if known is not None and (older or same) else fact
    await connection.execute(
        """
        INSERT INTO stockx_poller.listings AS l (account, listing_id, variant_id, status, fact)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (account, listing_id) DO UPDATE SET variant_id = coalesce(excluded.variant_id, l.variant_id),
            status = excluded.status, fact = excluded.fact, seen_at = now(), stale = false, expects = NULL,
            look = l.look OR $6
        """,
        fact.account,
        fact.listing_id,
        variant_id,
        kept.marketplace_status,
        kept.model_dump_json(),
        look and not older,
    )
    if kept is fact:
        await outbox.put(connection, fact.account, [fact])


async def _changed_by_others(
    connection: Connection, fact: ListingChangedV1, before: str | None, expects: str | None
) -> bool:
    """Whether a status tells of an operation that nobody here knows of."""
    status, wanted = fact.marketplace_status, expects or before
    if wanted is None or status == wanted or status in _SOLD:
        return False
    return not await connection.fetchval(
        "SELECT EXISTS (SELECT FROM stockx_poller.operations WHERE account = $1 AND listing_id = $2 "
        "AND status IN ('sending', 'doubtful', 'pending'))",
        fact.account,
        fact.listing_id,
    )


def _shown(fact: ListingChangedV1) -> str:
    """What a fact says beyond `raw`, which a page tells in another form than a single listing."""
    return fact.model_dump_json(exclude={"raw"})


async def must_be_read(
    connection: Connection, account: str, listing_id: str, variant_id: str | None, expects: str | None
) -> None:
    """An operation on a listing has ended."""
    await connection.execute(
        """
        INSERT INTO stockx_poller.listings AS l (account, listing_id, variant_id, stale, expects)
        VALUES ($1, $2, $3, true, $4)
        ON CONFLICT (account, listing_id) DO UPDATE SET stale = true, expects = excluded.expects,
            variant_id = coalesce(l.variant_id, excluded.variant_id)
        """,
        account,
        listing_id,
        variant_id,
        expects,
    )


async def refresh(work: Work, call: Refresh) -> None:
    """Read the states of listings: page by page where that costs less, one by one what is on no page."""
    unseen = set(call.listing_ids)
    if call.variant_ids:
        number, more = 1, True
        while unseen and more and number <= max(1, len(unseen)):
            try:
                page = await work.stockx.listings.page(number, chosen=ListingFilter(variant_ids=call.variant_ids))
            except (Garbage, Refused) as error:
                log.warning("a page of listings tells nothing", account=work.account, error=str(error))
                break
            async with work.lease.turn() as connection:
                await put(connection, work.account, page.entries)
            unseen -= {each.listing_id for each in page.entries}
            number, more = number + 1, page.has_next
    for listing_id in sorted(unseen):
        await read_one(work, listing_id)


async def read_one(work: Work, listing_id: str) -> None:
    """Read one listing's state; one that StockX does not have any more is deleted.

    After an answer that tells nothing it is left to the next sweep.
    """
    try:
        listing = await work.stockx.listings.listing(listing_id)
    except NotFound:
        async with work.lease.turn() as connection:
            await gone(connection, work.account, listing_id)
        return
    except (Garbage, Refused) as error:
        log.warning("a listing's state is not told", account=work.account, listing_id=listing_id, error=str(error))
        async with work.lease.turn() as connection:
            await connection.execute(
                "UPDATE stockx_poller.listings SET stale = false WHERE account = $1 AND listing_id = $2",
                work.account,
                listing_id,
            )
        return
    async with work.lease.turn() as connection:
        await put(connection, work.account, [listing])


async def gone(connection: Connection, account: str, listing_id: str) -> None:
    """StockX has no such listing any more. When that happened it does not tell: our clock must do."""
    text = await connection.fetchval(
        "UPDATE stockx_poller.listings SET status = 'DELETED', stale = false, look = false, expects = NULL "
        "WHERE account = $1 AND listing_id = $2 RETURNING fact",
        account,
        listing_id,
    )
    if text:
        known = ListingChangedV1.model_validate_json(text)
        if known.marketplace_status != "DELETED":
            await _put(connection, deleted(known, await ledger.now(connection)), None)


async def sweep(work: Work) -> None:
    """Read the next page of all listings. After the last one, those that were on no page are asked for alone."""
    async with work.lease.turn() as connection:
        number = await connection.fetchval(
            "UPDATE stockx_poller.accounts SET sweep_began = CASE WHEN sweep_page = 1 THEN now() ELSE sweep_began END "
            "WHERE account = $1 RETURNING sweep_page",
            work.account,
        )
    page = await work.stockx.listings.page(number)
    async with work.lease.turn() as connection:
        await put(connection, work.account, page.entries)
        for each in page.unreadable:
            log.warning("a listing is malformed", account=work.account, error=each.reason)
        if page.has_next:
            await connection.execute(
                "UPDATE stockx_poller.accounts SET sweep_page = sweep_page + 1 WHERE account = $1", work.account
            )
        else:
            await _swept(connection, work.account, work.timing.sweep)


async def _swept(connection: Connection, account: str, every: timedelta) -> None:
    began = await connection.fetchval(
        "UPDATE stockx_poller.accounts SET swept_at = now(), sweep_page = 1, sweep_at = now() + $2 "
        "WHERE account = $1 RETURNING sweep_began",
        account,
        every,
    )
    await connection.execute(
        """
        UPDATE stockx_poller.listings AS l SET stale = true
        WHERE account = $1 AND seen_at < $2 AND status <> 'DELETED' AND NOT EXISTS (
            SELECT FROM stockx_poller.operations AS o WHERE o.account = l.account AND o.listing_id = l.listing_id
                AND o.status IN ('sending', 'doubtful', 'pending'))
        """,
        account,
        began,
    )
