"""All items of an account, page by page; and afterwards those that eBay had before and that were on no page."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from libs.http.errors import ApiError
from libs.marketplaces.ebay.client import Ebay
from libs.marketplaces.ebay.inventory import LARGEST_BULK
from libs.marketplaces.ebay.item import InventoryItem
from libs.marketplaces.ebay.paging import Cursor, Page
from libs.read_models.inventory.project import READ_MODEL as INVENTORY
from services.ebay_sync import lines, targets
from services.ebay_sync.projected import rows_stored
from services.ebay_sync.run import Failure, Kind, Place
from services.ebay_sync.stock import Taken
from services.ebay_sync.work import OF_THE_ACCOUNT, Work


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page that eBay answered. `after` is the run's place once the page is dealt with."""

    number: int
    page: Page[InventoryItem]
    asked_at: datetime
    milliseconds: int
    after: Place

    @property
    def total(self) -> int:
        """Of the whole list; where eBay does not tell, of this page."""
        return self.page.fetched if self.page.total is None else self.page.total


async def fetched_pages(work: Work) -> AsyncIterator[Fetched]:
    """The pages from the run's place on; the caller writes `after` before it asks for the next. Raises an ApiError."""
    place = work.journal.place
    while place.phase == "list":
        number = place.page + 1
        cursor = Cursor(place.next_offset or 0, place.next_limit or work.pace.page_size)
        work.journal.check()
        work.journal.say("request", lines.requesting(work.run.kind, number, cursor.limit, cursor.offset))
        page, asked_at, milliseconds = await work.asked(partial(_page, cursor), needed=True)
        if place.listed_since is not None:
            asked_at = max(asked_at, place.listed_since)  # the clock of the process that began may be ahead of ours
        following = page.next
        place = Place(
            phase="list" if following else "missing",
            page=number,
            next_offset=following.offset if following else None,
            next_limit=following.limit if following else None,
            listed_since=place.listed_since or asked_at,
        )
        yield Fetched(number, page, asked_at, milliseconds, place)


async def _page(cursor: Cursor, ebay: Ebay) -> Page[InventoryItem]:
    return await ebay.inventory.page(cursor)


async def note_unreadable(work: Work, page: Page[InventoryItem]) -> None:
    """Keep the entries of a page that are not of eBay's form among the failures."""
    for entry in page.unreadable:
        work.journal.say("warning", f"⚠ SKU {entry.id or 'without a name'}: unreadable ({entry.reason[:200]})")
    await work.journal.fail([Failure(entry.id, entry.reason[:500], 1) for entry in page.unreadable if entry.id])


async def look_for_missing(work: Work) -> None:
    """Ask for each SKU that was there before and was on no page: it is gone, or it moved while the pages were read."""
    place = work.journal.place
    if place.phase != "missing" or place.listed_since is None:
        return
    account, since = work.run.account, place.listed_since
    if number := await targets.count_missing(work.database, account, since):
        work.journal.say("info", f"→ Asking for {number} SKUs that were on no page...")
    after = place.after
    while skus := await targets.missing(work.database, account, since, after, LARGEST_BULK):
        await take_bulk(work, skus)
        after = skus[-1]
        await work.journal.write(place=place.model_copy(update={"after": after}))
    following = Place(phase="offers", listed_since=since, page=place.page)
    await work.journal.write(place=following)


@dataclass(frozen=True, slots=True)
class Looked:
    """What eBay answered about some SKUs, taken in: how many are there, which are gone, where their facts stand."""

    items: int
    gone: list[str]
    taken: Taken
    lost: Taken
    failures: list[Failure]


async def take_bulk(work: Work, skus: list[str], attempt: int = 1) -> None:
    """Ask for at most 25 SKUs at once, store them, mark those that are gone, and keep the failures.

    From the second attempt on they are on the list of failures, and leave it when they are there, or gone.
    """
    journal = work.journal
    looked = await look_at(work, skus, attempt)
    taken, lost, failed = looked.taken, looked.lost, looked.failures
    newly = len(failed) - (len(skus) if attempt > 1 else 0)
    if work.run.kind is Kind.INVENTORY:
        stored = await rows_stored(work.database, INVENTORY, taken.inventory | lost.inventory, journal)
        counts = journal.counts.plus(
            fetched=looked.items,
            stored=stored,
            unchanged=taken.unchanged,
            disappeared=len(lost.inventory),
            failed=newly,
        )
    else:
        counts = journal.counts.plus(disappeared=len(lost.inventory), failed=newly)
    await journal.recovered(sorted({*skus} - {one.sku for one in failed}))
    await journal.fail(failed)
    await journal.write(counts=counts)


async def look_at(work: Work, skus: Sequence[str], attempt: int) -> Looked:
    """Ask for at most 25 SKUs at once, and take in those that are there, or gone. Raises one of OF_THE_ACCOUNT."""
    journal = work.journal
    try:
        bulk, asked_at, milliseconds = await work.asked(lambda ebay: ebay.inventory.bulk(skus))
    except OF_THE_ACCOUNT:
        raise
    except ApiError as error:
        journal.say("warning", f"⚠ {len(skus)} SKUs: failed ({error.detail[:200]})")
        return Looked(0, [], Taken(), Taken(), [Failure(sku, str(error)[:500], attempt) for sku in skus])
    asked_at = max(asked_at, journal.place.listed_since or asked_at)  # as in fetched_pages
    gone = [sku for sku, failure in bulk.failures.items() if failure.gone]
    failed = [Failure(sku, str(one), attempt) for sku, one in bulk.failures.items() if not one.gone]
    journal.say(
        "info",
        f"← Response: 200 OK ({milliseconds}ms) - {len(bulk.items)} items, {len(gone)} gone, {len(failed)} failed",
    )
    journal.check()
    taken = await work.stock.take_items(bulk.items.values(), asked_at)
    lost = await work.stock.take_disappearance(gone, asked_at)
    return Looked(len(bulk.items), gone, taken, lost, failed)
