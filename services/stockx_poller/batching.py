"""Which commands to send next, and whether together. A pure function of what waits and what is left.

| a single write costs   | a batch of n costs                                                            |
|------------------------|-------------------------------------------------------------------------------|
| 1 call, and 1 or more  | 1 call, some polls of all its items at once, and a page of 100 listings for   |
| polls                  | their states: from three items on, it is the cheaper one                      |

The items' window (500 in five minutes) may be spent while requests are left. Then single calls are made if they are
through before the window is open again; else the batch waits.
"""

from collections.abc import Sequence
from itertools import groupby

from services.stockx_poller.situation import Quotas, SendBatch, SendOne, Wait, Waiting, Write

WORTH_A_BATCH = 3
CALLS_OF_ONE = 2
LOOK_AGAIN = 5.0


def next_write(
    waiting: Sequence[Waiting], quotas: Quotas, *, pace: float, largest: int, gather: float
) -> Write | Wait | None:
    """The next write, None if nothing waits. `pace`: seconds a call. A command waits `gather` for others to join it."""
    if not waiting:
        return None
    alone = [each for each in waiting if each.alone]
    groups = _groups([each for each in waiting if not each.alone])
    best = max(groups, key=lambda group: (min(len(group), largest), group[0].age), default=[])
    if len(best) >= WORTH_A_BATCH:
        return _together(best, alone, quotas, pace=pace, largest=largest, gather=gather)
    oldest = max(waiting, key=lambda each: each.age)
    return SendOne(oldest.id) if oldest.alone or oldest.age >= gather else Wait(gather - oldest.age)


def _together(
    group: Sequence[Waiting], alone: Sequence[Waiting], quotas: Quotas, *, pace: float, largest: int, gather: float
) -> Write | Wait:
    size = min(len(group), largest)
    if quotas.items >= size:
        if size == largest or group[0].age >= gather:
            return SendBatch(group[0].kind.batch, tuple(each.id for each in group[:size]))
        return SendOne(alone[0].id) if alone else Wait(gather - group[0].age)
    if alone:
        return SendOne(alone[0].id)
    if len(group) * CALLS_OF_ONE * pace <= quotas.items_free_in:
        return SendOne(group[0].id)
    return Wait(min(LOOK_AGAIN, max(quotas.items_free_in, pace)))


def _groups(waiting: Sequence[Waiting]) -> list[list[Waiting]]:
    """By the kind of batch, the oldest first in each."""
    ordered = sorted(waiting, key=lambda each: (each.kind.batch, -each.age))
    return [list(group) for _, group in groupby(ordered, key=lambda each: each.kind.batch)]
