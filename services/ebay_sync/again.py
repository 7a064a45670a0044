"""SKUs that failed are tried again at the end of a run, in rounds with growing pauses; what is left then is listed."""

from collections.abc import Awaitable, Callable

from services.ebay_sync import lines, targets
from services.ebay_sync.work import Work

MOST_LISTED = 100
"""In the terminal; all of them stand in the run's `failures`."""

Take = Callable[[list[str], int, int, int], Awaitable[None]]
"""Asks for some SKUs again: the SKUs, which attempt of theirs it is, the first one's number, and how many there are."""


async def try_again(work: Work, take: Take, size: int) -> None:
    """Have the failures of the run taken again, so many at a time. Raises what `take` raises, Stopped."""
    journal, pause = work.journal, work.pace.retry_pause.total_seconds()
    for number in range(1, work.pace.retry_rounds + 1):
        left = await targets.count_failures(work.database, work.run.run_id)
        if not left:
            return
        journal.say("info", lines.again(left, number, work.pace.retry_rounds))
        await journal.pause(pause)
        pause, after, index = pause * 2, "", 0
        while skus := await targets.failures(work.database, work.run.run_id, after, size):
            await take(skus, number + 1, index + 1, left)
            after, index = skus[-1], index + len(skus)
    for sku, error in await targets.listed_failures(work.database, work.run.run_id, MOST_LISTED):
        journal.say("warning", lines.given_up(sku, error[:200]))
