"""The inventory run: getInventoryItems page by page, each page stored before the next one is asked for."""

import time

from libs.marketplaces.ebay.inventory import LARGEST_BULK
from libs.read_models.inventory.project import READ_MODEL as INVENTORY
from services.ebay_sync import lines, targets
from services.ebay_sync.again import try_again
from services.ebay_sync.listing import Fetched, fetched_pages, look_for_missing, note_unreadable, take_bulk
from services.ebay_sync.projected import rows_stored
from services.ebay_sync.run import Counts, Mode, Place
from services.ebay_sync.work import Work


async def sync_inventory(work: Work) -> None:
    """Do the run from its place on, and say that it is done. Raises Stopped, LostLease, an ApiError, …"""
    if work.run.mode is Mode.RETRY:
        await _retry(work)
    else:
        if work.run.mode is Mode.INCREMENTAL and work.journal.place == Place():
            cursor = await targets.cursor(work.database, work.run.account, work.run.kind)
            work.journal.say("info", lines.incremental_items(cursor))
        async for fetched in fetched_pages(work):
            work.journal.say("info", lines.received_items(fetched.milliseconds, fetched.page.fetched, fetched.total))
            await _store(work, fetched)
        await look_for_missing(work)
    await try_again(work, lambda skus, attempt, _first, _total: take_bulk(work, skus, attempt), LARGEST_BULK)
    work.journal.check()  # STOP may have ended the waiting for the last rows
    work.journal.say("done", lines.inventory_completed(work.journal.counts, work.milliseconds()))


async def _store(work: Work, fetched: Fetched) -> None:
    journal, page = work.journal, fetched.page
    journal.check()
    journal.say("info", lines.storing(len(page.entries)))
    began = time.perf_counter()
    taken = await work.stock.take_items(page.entries, fetched.asked_at)
    stored = await rows_stored(work.database, INVENTORY, taken.inventory, journal)
    milliseconds = round((time.perf_counter() - began) * 1000)
    of_page = Counts(fetched=page.fetched, stored=stored, unchanged=taken.unchanged, failed=len(page.unreadable))
    so_far = journal.counts.plus(**of_page.model_dump())
    journal.say("info", lines.stored_items(stored, taken.unchanged, milliseconds))
    if missing := len(taken.inventory) - stored:
        journal.say("warning", lines.not_stored(missing, stopping=journal.stopping))
    if page.unreadable:
        await note_unreadable(work, page)
    journal.say("progress", lines.page_complete(fetched.number, page.pages, of_page, so_far, fetched.total))
    await journal.write(place=fetched.after, counts=so_far)


async def _retry(work: Work) -> None:
    """Ask again for the SKUs that another run could not get."""
    journal, other = work.journal, work.run.retry_of or ""
    number = await targets.count_failures(work.database, other)
    if not journal.place.after:
        journal.say("info", lines.retrying(number, other))
    after = journal.place.after
    while skus := await targets.failures(work.database, other, after, LARGEST_BULK):
        await take_bulk(work, skus)
        after = skus[-1]
        await journal.write(place=Place(after=after))
