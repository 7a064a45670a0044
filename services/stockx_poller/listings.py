"""The states of listings: kept, published when they have changed, read again after an operation, swept now and then."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from libs.db.pool import Connection, Record
from libs.http.errors import Garbage, NotFound, Refused, Unavailable
from libs.marketplaces.payload import Malformed
from libs.marketplaces.stockx.errors import failed_there
from libs.marketplaces.stockx.listing import Listing
from libs.marketplaces.stockx.routes import LISTINGS
from libs.marketplaces.stockx.translate import deleted, listing_changed
from libs.telemetry.log import get_logger
from schemas.listings.listing_changed import ListingChangedV1
from services.stockx_poller import ledger, outbox, unreadable
from services.stockx_poller.narrowing import Place, Reading, readings
from services.stockx_poller.pacing import next_round
from services.stockx_poller.situation import Refresh
from services.stockx_poller.work import Work

log = get_logger()

PAGES_AT_EASE = 20
"""Of 100 listings each; every 30 minutes they are 960 requests a day. Listings of the past are on them, too."""

_ALONE_AT_ONCE = 10

Keep = Callable[[Connection, Sequence[Listing]], Awaitable[None]]

_SOLD = frozenset({"MATCHED", "COMPLETED", "CANCELED"})
"""What follows from an order, and not from an operation."""


async def put(connection: Connection, account: str, listings: Iterable[Listing]) -> None:
    """Keep states as StockX tells them now; publish those that have changed. An older one changes nothing."""
    told: dict[str, Told] = {}
    for listing in listings:
        try:
            fact = listing_changed(listing, account)
        except Malformed as error:
            log.warning("a listing is malformed", account=account, listing_id=listing.listing_id, error=str(error))
            await unreadable.keep_resource(connection, account, listing, error)
            continue
        variant_id = listing.variant.variant_id if listing.variant else None
        told[fact.listing_id] = Told(fact, variant_id, listing.batch.batch_id if listing.batch else None)
    await put_facts(connection, account, list(told.values()))


@dataclass(frozen=True, slots=True)
class Told:
    """A listing's state, with what helps to find it on a page."""

    fact: ListingChangedV1
    variant_id: str | None = None
    batch_id: str | None = None


async def put_facts(connection: Connection, account: str, states: Sequence[Told]) -> None:
    """Keep states, each of another listing; publish those that have changed."""
    rows = await connection.fetch(
        "SELECT listing_id, fact, status, expects, seen_at FROM stockx_poller.listings "
        "WHERE account = $1 AND listing_id = ANY ($2) ORDER BY listing_id FOR UPDATE",
        account,
        [each.fact.listing_id for each in states],
    )
    before = {row["listing_id"]: row for row in rows}
    kept: list[tuple[object, ...]] = []
    new: list[ListingChangedV1] = []
    for each in states:
        fact, row = each.fact, before.get(each.fact.listing_id)
        known = ListingChangedV1.model_validate_json(row["fact"]) if row is not None and row["fact"] else None
        older = known is not None and fact.updated_at < known.updated_at
        same = known is not None and _shown(known) == _shown(fact)
        look = row is not None and await _changed_by_others(connection, fact, known, row)
        state = known if known is not None and (older or same) else fact
        names = (account, fact.listing_id, each.variant_id, state.marketplace_status)
        kept.append((*names, state.model_dump_json(), look and not older, each.batch_id))
        if state is fact:
            new.append(fact)
    await connection.executemany(
        """
        INSERT INTO stockx_poller.listings AS l (account, listing_id, variant_id, status, fact, batch_id)
        VALUES ($1, $2, $3, $4, $5, $7)
        ON CONFLICT (account, listing_id) DO UPDATE SET variant_id = coalesce(excluded.variant_id, l.variant_id),
            status = excluded.status, fact = excluded.fact, seen_at = now(), stale = false, expects = NULL,
            ask_at = '-infinity',
            look = l.look OR $6, batch_id = coalesce(excluded.batch_id, l.batch_id)
        """,
        kept,
    )
    await outbox.put(connection, account, new)


async def _changed_by_others(
    connection: Connection, fact: ListingChangedV1, known: ListingChangedV1 | None, row: Record
) -> bool:
    """Whether a state tells of an operation that nobody here knows of.

    Another status than the wanted one does, unless an operation is open; so does a later change that left the status as
    it was (StockX took it down and put it back), unless one is open or has ended since the state was last read.
    """
    status, wanted = fact.marketplace_status, row["expects"] or row["status"]
    if wanted is None or status in _SOLD:
        return False
    since = None if status != wanted else row["seen_at"]
    if since is not None and (known is None or fact.updated_at <= known.updated_at):
        return False
    return not await connection.fetchval(
        "SELECT EXISTS (SELECT FROM stockx_poller.operations WHERE account = $1 AND listing_id = $2 "
        "AND (status IN ('sending', 'doubtful', 'pending') OR ended_at > $3))",
        fact.account,
        fact.listing_id,
        since,
    )


def _shown(fact: ListingChangedV1) -> str:
    """What a fact says beyond `raw`, which a page tells in another form than a single listing."""
    return fact.model_dump_json(exclude={"raw"})


@dataclass(frozen=True, slots=True)
class Stale:
    """A listing whose state must be read; `expects`: the status that an operation led to, None if it stays.

    `batch_id`: of the batch that made it, where it was just made.
    """

    listing_id: str
    variant_id: str | None
    expects: str | None
    batch_id: str | None = None


async def must_be_read(connection: Connection, account: str, listings: Sequence[Stale]) -> None:
    """Operations on these listings have ended."""
    await connection.executemany(
        """
        INSERT INTO stockx_poller.listings AS l (account, listing_id, variant_id, stale, expects, batch_id)
        VALUES ($1, $2, $3, true, $4, $5)
        ON CONFLICT (account, listing_id) DO UPDATE SET stale = true, expects = excluded.expects,
            variant_id = coalesce(l.variant_id, excluded.variant_id), batch_id = coalesce(l.batch_id, excluded.batch_id)
        """,
        [(account, each.listing_id, each.variant_id, each.expects, each.batch_id) for each in listings],
    )


async def refresh(work: Work, call: Refresh) -> None:
    """Read the states of listings: page by page where that costs less, one by one what is on no page.

    Hundreds may be on none (their seller has deleted them elsewhere): where a command waits, the rest comes after it.
    """

    async def keep(connection: Connection, found: Sequence[Listing]) -> None:
        await put(connection, work.account, found)

    unlisted, unread = await read_pages(work, call.listing_ids, keep)
    for number, listing_id in enumerate(sorted(unlisted | unread), 1):
        await read_one(work, listing_id)
        if number % _ALONE_AT_ONCE == 0 and await ledger.waits(work.lease.database, work.account):
            return


async def read_pages(work: Work, wanted: Collection[str], keep: Keep) -> tuple[set[str], set[str]]:
    """Read the pages that hold the wanted listings; `keep` what each tells, in a transaction of its own.

    Returns those that StockX does not list, and those of which nothing was learned: they must be read one by one.
    """
    unseen, unlisted = set(wanted), set[str]()
    async with work.lease.database.connection() as connection:
        ways = await _ways(connection, work.account, unseen)
    for way in ways:
        if way.chosen is None:
            continue
        missing, number, more = unseen.intersection(way.listing_ids), 1, True
        while missing and more:
            try:
                page = await work.stockx.listings.page(number, chosen=way.chosen)
            except (Garbage, Refused) as error:
                log.warning("a page of listings tells nothing", account=work.account, error=str(error))
                await unreadable.keep_answer(work.lease, error)
                break
            async with work.lease.turn() as connection:
                await keep(connection, page.entries)
                await unreadable.keep_entries(connection, work.account, LISTINGS, page.unreadable)
            seen = {each.listing_id for each in page.entries}
            missing, unseen = missing - seen, unseen - seen
            number, more = number + 1, page.has_next
        else:
            unlisted |= missing
    return unlisted, unseen - unlisted


async def _ways(connection: Connection, account: str, wanted: Collection[str]) -> list[Reading]:
    rows = await connection.fetch(
        "SELECT listing_id, variant_id, batch_id FROM stockx_poller.listings "
        "WHERE account = $1 AND listing_id = ANY ($2)",
        account,
        list(wanted),
    )
    known = [Place(**row) for row in rows]
    strangers = [Place(each, None, None) for each in wanted if each not in {one.listing_id for one in known}]
    variants = await listed(connection, account, "variant_id", [each.variant_id for each in known])
    batches = await listed(connection, account, "batch_id", [each.batch_id for each in known])
    return readings([*known, *strangers], variants, batches)


async def listed(
    connection: Connection, account: str, column: Literal["variant_id", "batch_id"], names: Iterable[str | None]
) -> dict[str, int]:
    """How many listings StockX lists of each variant, or of each batch that made some, as far as is known here."""
    rows = await connection.fetch(
        f"SELECT {column} AS name, count(*) AS listed FROM stockx_poller.listings "  # noqa: S608  (our own names)
        f"WHERE account = $1 AND {column} = ANY ($2) AND status IS DISTINCT FROM 'DELETED' GROUP BY 1",
        account,
        list({each for each in names if each is not None}),
    )
    return {row["name"]: row["listed"] for row in rows}


async def read_one(work: Work, listing_id: str) -> None:
    """Read one listing's state; one that StockX does not have any more is deleted.

    After an answer that tells nothing it is left to the next sweep; where StockX fails, it is asked for later.
    """
    try:
        listing = await work.stockx.listings.listing(listing_id)
    except NotFound:
        async with work.lease.turn() as connection:
            await gone(connection, work.account, listing_id)
        return
    except (Garbage, Refused) as error:
        log.warning("a listing's state is not told", account=work.account, listing_id=listing_id, error=str(error))
        await unreadable.keep_answer(work.lease, error)
        async with work.lease.turn() as connection:
            await connection.execute(
                "UPDATE stockx_poller.listings SET stale = false WHERE account = $1 AND listing_id = $2",
                work.account,
                listing_id,
            )
        return
    except Unavailable as error:
        if not failed_there(error):
            raise
        log.warning(
            "a listing's state is asked for later", account=work.account, listing_id=listing_id, error=str(error)
        )
        async with work.lease.turn() as connection:
            await connection.execute(
                "UPDATE stockx_poller.listings SET ask_at = now() + $3 WHERE account = $1 AND listing_id = $2",
                work.account,
                listing_id,
                work.timing.settle,
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
            await put_facts(connection, account, [Told(deleted(known, await ledger.now(connection)))])


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
        await unreadable.keep_entries(connection, work.account, LISTINGS, page.unreadable)
        if page.has_next:
            await connection.execute(
                "UPDATE stockx_poller.accounts SET sweep_page = sweep_page + 1 WHERE account = $1", work.account
            )
        else:
            every = next_round(work.timing.sweep, number, PAGES_AT_EASE, work.stretch)
            await _swept(connection, work.account, every)


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
