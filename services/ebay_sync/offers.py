"""The offers run: all items for their SKUs, then getOffers for each SKU, several at a time.

While the offers of some SKUs are stored, those of the next are fetched. The run's place moves when they are stored.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from libs.http.errors import ApiError
from libs.marketplaces.ebay.inventory import LARGEST_BULK
from libs.read_models.inventory.project import READ_MODEL as INVENTORY
from libs.read_models.offers.project import READ_MODEL as OFFERS
from services.ebay_sync import lines, targets
from services.ebay_sync.again import try_again
from services.ebay_sync.journal import Stopped
from services.ebay_sync.listing import fetched_pages, look_at, look_for_missing, note_unreadable
from services.ebay_sync.projected import rows_stored
from services.ebay_sync.report import mark_suspects
from services.ebay_sync.run import Failure, Mode, Place
from services.ebay_sync.stock import Answer
from services.ebay_sync.work import OF_THE_ACCOUNT, Work

CHUNK = 100
"""SKUs whose offers are stored together."""


@dataclass(slots=True)
class Chunk:
    """Some SKUs in order, the first of which is number `first`; what eBay answered, and what failed."""

    first: int
    skus: Sequence[str]
    answers: dict[str, Answer] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    disappeared: int = 0
    error: BaseException | None = None

    @property
    def fetched(self) -> int:
        return sum(len(answer.offers) for answer in self.answers.values())


async def sync_offers(work: Work) -> None:
    """Do the run from its place on, and say that it is done. Raises Stopped, LostLease, an ApiError, …"""
    if work.run.mode is not Mode.RETRY:
        await _step_1(work)
    await _step_2(work)
    await try_again(work, partial(_take_again, work), CHUNK)
    work.journal.check()  # STOP may have ended the waiting for the last rows
    work.journal.say("info", lines.step_2_complete(work.journal.counts.skus))
    work.journal.say("done", lines.offers_completed(work.journal.counts, work.milliseconds()))


async def _step_1(work: Work) -> None:
    journal = work.journal
    if journal.place.phase == "list" and journal.place.page == 0:
        journal.say("info", lines.STEP_1)
    async for fetched in fetched_pages(work):
        page = fetched.page
        skus = len({item.sku for item in page.entries})
        journal.say("info", lines.received_skus(fetched.milliseconds, page.fetched, skus, fetched.total))
        await work.stock.take_items(page.entries, fetched.asked_at)
        if page.unreadable:
            await note_unreadable(work, page)
        counts = journal.counts.plus(failed=len(page.unreadable))
        await journal.write(place=fetched.after, counts=counts)
    await look_for_missing(work)


async def _step_2(work: Work) -> None:
    place = work.journal.place
    if place.total is None:
        place = await _begun(work, place)
    after, index, total = place.after, place.index, place.total or 0
    storing: asyncio.Task[None] | None = None
    try:
        while skus := await _next(work, place, after):
            chunk = Chunk(index + 1, skus)
            await _fetch(work, chunk, total)
            if storing is not None:
                try:
                    await storing
                except Stopped as stopped:
                    chunk.error = chunk.error or stopped
            if chunk.error is not None:
                await _leave(work, chunk)
                raise chunk.error
            after, index = skus[-1], index + len(skus)
            storing = asyncio.create_task(
                _store(work, chunk, place.model_copy(update={"after": after, "index": index})), name="storing offers"
            )
        if storing is not None:
            await storing
    finally:
        if storing is not None and not storing.done():
            storing.cancel()
            with suppress(asyncio.CancelledError):
                await storing


async def _begun(work: Work, place: Place) -> Place:
    run, database, journal = work.run, work.database, work.journal
    if run.mode is Mode.RETRY:
        total = await targets.count_failures(database, run.retry_of or "")
        journal.say("info", lines.retrying(total, run.retry_of or ""))
        place = place.model_copy(
            update={"listed_since": await targets.listed_since(database, run.retry_of or "") or run.created_at}
        )
    else:
        since = _since(place)
        listed = await targets.count_listed(database, run.account, since)
        journal.say("info", lines.step_1_complete(listed))
        if run.mode is Mode.INCREMENTAL and listed >= work.pace.report_from:
            await mark_suspects(work)
        total = await targets.count_to_ask(database, run.account, since, await _age(work))
        if run.mode is Mode.INCREMENTAL:
            cursor = await targets.cursor(database, run.account, run.kind)
            journal.say("info", lines.incremental(cursor, listed - total))
    journal.say("info", lines.step_2(total))
    begun = place.model_copy(update={"phase": "offers", "after": "", "index": 0, "total": total})
    await journal.write(place=begun)
    return begun


async def _next(work: Work, place: Place, after: str) -> list[str]:
    if work.run.mode is Mode.RETRY:
        return await targets.failures(work.database, work.run.retry_of or "", after, CHUNK)
    return await targets.to_ask(work.database, work.run.account, _since(place), await _age(work), after, CHUNK)


async def _fetch(work: Work, chunk: Chunk, total: int, attempt: int = 1) -> None:
    """Ask for the offers of all SKUs of a chunk. An error that concerns all of them ends it, and stands in `error`."""
    turns = asyncio.Semaphore(work.pace.concurrency)
    if work.again(attempt):
        try:
            await _look_at_unseen(work, chunk, attempt)
        except (*OF_THE_ACCOUNT, Stopped) as error:
            chunk.error = error
            return
    left_out = {failure.sku for failure in chunk.failures} | chunk.gone

    async def one(index: int, sku: str) -> None:
        async with turns:
            if chunk.error is not None:
                return
            try:
                await _fetch_one(work, chunk, index, total, sku, last=attempt > work.pace.retry_rounds)
            except (*OF_THE_ACCOUNT, Stopped) as error:
                chunk.error = chunk.error or error

    async with asyncio.TaskGroup() as group:
        for index, sku in enumerate(chunk.skus, chunk.first):
            if sku not in left_out:
                group.create_task(one(index, sku))


async def _look_at_unseen(work: Work, chunk: Chunk, attempt: int) -> None:
    """Look first at the items that failed: without an item, there is nothing that offers could belong to."""
    since = work.journal.place.listed_since or work.run.created_at
    seen = await targets.seen(work.database, work.run.account, chunk.skus, since)
    unseen = [sku for sku in chunk.skus if sku not in seen]
    for start in range(0, len(unseen), LARGEST_BULK):
        looked = await look_at(work, unseen[start : start + LARGEST_BULK], attempt)
        chunk.failures += looked.failures
        chunk.gone.update(looked.gone)
        chunk.disappeared += len(looked.lost.inventory)


async def _fetch_one(work: Work, chunk: Chunk, index: int, total: int, sku: str, *, last: bool) -> None:
    journal = work.journal
    journal.check()
    journal.say("request", lines.fetching_offers(index, total, sku))
    try:
        told, asked_at, milliseconds = await work.asked(lambda ebay: ebay.offers.of_sku(sku))
    except OF_THE_ACCOUNT:
        raise
    except ApiError as error:
        chunk.failures.append(Failure(sku, str(error)[:500], 1))
        journal.say("warning", lines.failed_sku(index, total, sku, error.detail[:200], last=last))
        return
    journal.say("info", lines.received_offers(index, total, sku, len(told.offers), milliseconds))
    if told.unreadable:  # taken as they are, these would look as if they had disappeared
        reason = f"an offer is unreadable: {told.unreadable[0].reason}"
        chunk.failures.append(Failure(sku, reason[:500], 1))
        journal.say("warning", lines.failed_sku(index, total, sku, reason[:200], last=last))
        return
    chunk.answers[sku] = Answer(told.offers, asked_at)


async def _store(work: Work, chunk: Chunk, place: Place | None) -> None:
    """Store the offers of a chunk; the run's place moves when the projector has committed them."""
    journal = work.journal
    if journal.stopping:
        await _leave(work, chunk)
    journal.check()
    stored, unchanged = await _stored(work, chunk.answers)
    if chunk.failures:
        await journal.fail(chunk.failures)
    counts = journal.counts.plus(
        fetched=chunk.fetched,
        stored=stored,
        unchanged=unchanged,
        disappeared=chunk.disappeared,
        skus=len(chunk.skus),
        failed=len(chunk.failures),
    )
    await journal.write(place=place, counts=counts)


async def _leave(work: Work, chunk: Chunk) -> None:
    """The run ends before a chunk is stored: tell what was fetched, and keep what failed."""
    journal = work.journal
    await journal.fail(chunk.failures)
    counts = journal.counts.plus(fetched=chunk.fetched, disappeared=chunk.disappeared, failed=len(chunk.failures))
    await journal.write(counts=counts)


async def _stored(work: Work, answers: Mapping[str, Answer]) -> tuple[int, int]:
    """How many offers are stored by this run, and how many were as before."""
    taken = await work.stock.take_offers(answers)
    stored = await rows_stored(work.database, OFFERS, taken.offers, work.journal)
    await rows_stored(work.database, INVENTORY, taken.inventory, work.journal)
    if missing := len(taken.offers) - stored:
        work.journal.say("warning", lines.not_stored(missing, stopping=work.journal.stopping))
    return stored, taken.unchanged


async def _take_again(work: Work, skus: list[str], attempt: int, first: int, total: int) -> None:
    journal, chunk = work.journal, Chunk(first, skus)
    await _fetch(work, chunk, total, attempt)
    if chunk.error is not None:
        raise chunk.error
    stored, unchanged = await _stored(work, chunk.answers)
    failed = {failure.sku: failure for failure in chunk.failures}
    good = [sku for sku in skus if sku not in failed]
    await journal.recovered(good)
    await journal.fail([Failure(one.sku, one.error, attempt) for one in failed.values()])
    counts = journal.counts.plus(
        fetched=chunk.fetched, stored=stored, unchanged=unchanged, disappeared=chunk.disappeared, failed=-len(good)
    )
    await journal.write(counts=counts)


def _since(place: Place) -> datetime:
    if place.listed_since is None:
        raise RuntimeError("the offers of a run are asked for only after its items are listed")
    return place.listed_since


async def _age(work: Work) -> timedelta | None:
    """Of offers that are asked for again. None: all are asked for, also by an incremental run without a cursor."""
    if work.run.mode is not Mode.INCREMENTAL:
        return None
    cursor = await targets.cursor(work.database, work.run.account, work.run.kind)
    return None if cursor is None else work.pace.offers_age
