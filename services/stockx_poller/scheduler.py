"""What to ask StockX next: a pure function of the situation. One call at a time; a second is the price of each.

| order | call                                   | while only the reserve is left |
|-------|----------------------------------------|--------------------------------|
| 1     | writes whose fate is not known, in     | yes: they hold up their users  |
|       | turns with all else                    |                                |
| 2     | orders that are late: what is sold     | no                             |
|       | must be taken down elsewhere           |                                |
| 3     | commands; polls in turns with them     | commands only                  |
| 4     | states of listings that have changed   | no                             |
| 5     | orders                                 | no                             |
| 6     | the sweep over all listings            | no                             |
| 7     | operations that others have started    | no                             |

Until an account's listings were read once, the sweep comes first and nothing is created: what is new must be told from
what was there before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.stockx_poller.batching import LOOK_AGAIN, Packing, next_write
from services.stockx_poller.situation import (
    Call,
    Kind,
    LookAtOperations,
    LookForDoubtful,
    Poll,
    PollBatch,
    PollListing,
    ReadStates,
    Refresh,
    Round,
    Situation,
    Stale,
    Wait,
)

IDLE = 30.0
MOST_TOGETHER = 10
"""Batches whose listings are read in one go: at most 1,000 listings, in some ten calls."""
MOST_REFRESHED = 500
LATE_ORDERS = 30.0
"""Seconds after which orders wait for nothing else any more."""
_SOON = 10
"""Calls: a batch that is due so soon after another one is waited for, because pages hold listings of both."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`reserve`: requests a day that are kept for commands."""

    packing: Packing
    reserve: int


def next_call(situation: Situation, rules: Rules) -> Call | Wait:
    """The call to make now, or how long to wait for one."""
    quotas = situation.quotas
    if quotas.requests <= 0:
        return Wait(min(IDLE, max(quotas.day_ends_in, LOOK_AGAIN)))
    if _due(situation.doubts_due_in) and situation.doubted_last:
        other = _next(replace(situation, doubts_due_in=None), rules)
        return LookForDoubtful() if isinstance(other, Wait) else other
    return _next(situation, rules)


def _next(situation: Situation, rules: Rules) -> Call | Wait:
    if not situation.swept:
        known = [each for each in situation.waiting if each.kind is not Kind.CREATE]
        situation = replace(situation, waiting=known, sweep_due_in=situation.sweep_due_in or 0.0)
    quotas = situation.quotas
    spare = quotas.requests > rules.reserve
    if (call := _before_all(situation, spare=spare)) is not None:
        return call
    write = next_write(situation.waiting, quotas, rules.packing)
    poll = next_poll(situation.polls, rules.packing.pace) if spare else None
    if write is not None and not isinstance(write, Wait) and not (poll is not None and situation.wrote_last):
        return write
    if poll is not None:
        return poll
    if spare and (call := _other(situation)) is not None:
        return call
    return Wait(_pause(situation, write, spare=spare))


def next_poll(polls: Sequence[Poll], pace: float) -> PollListing | PollBatch | ReadStates | None:
    """What is overdue for longest. Batches that are told by states wait for those that are due soon after them."""
    together = sorted((each for each in polls if each.states), key=lambda each: each.due_in)[:MOST_TOGETHER]
    due = [each for each in polls if not each.states and each.due_in <= 0]
    soon = pace * _SOON
    if together and together[0].due_in <= 0:
        others = any(0 < each.due_in < soon for each in together)
        if not others or together[0].due_in <= -MOST_TOGETHER * soon:
            due.append(together[0])
    poll = min(due, key=lambda each: each.due_in, default=None)
    if poll is None:
        return None
    if poll.states:
        return ReadStates(tuple(each.name for each in together if each.due_in <= 0))
    return PollBatch(poll.name) if poll.batch else PollListing(poll.name)


def _before_all(situation: Situation, *, spare: bool) -> Call | None:
    if _due(situation.doubts_due_in):
        return LookForDoubtful()
    late = situation.orders_due_in is not None and situation.orders_due_in <= -LATE_ORDERS
    return Round.ORDERS if late and spare and situation.swept else None


def _other(situation: Situation) -> Call | None:
    if not situation.swept and _due(situation.sweep_due_in):
        return Round.SWEEP
    if situation.stale:
        return refresh(situation.stale)
    if _due(situation.orders_due_in):
        return Round.ORDERS
    if _due(situation.history_due_in):
        return Round.HISTORY
    if _due(situation.sweep_due_in):
        return Round.SWEEP
    # Last, for StockX may change any number of listings at once, and each of them costs a call.
    return LookAtOperations(situation.looks[0]) if situation.looks else None


def refresh(stale: Sequence[Stale]) -> Refresh:
    """Listings that are likely to stand on the same pages."""
    cluster = stale[0].cluster
    return Refresh(tuple(each.listing_id for each in stale if each.cluster == cluster)[:MOST_REFRESHED])


def _due(due_in: float | None) -> bool:
    return due_in is not None and due_in <= 0


def _pause(situation: Situation, write: object, *, spare: bool) -> float:
    """Until the first thing that becomes due."""
    moments = [IDLE]
    if isinstance(write, Wait):
        moments.append(write.seconds)
    if situation.doubts_due_in is not None:
        moments.append(situation.doubts_due_in)
    if spare:
        moments += [each.due_in for each in situation.polls if each.due_in > 0]
        rounds = (situation.orders_due_in, situation.history_due_in, situation.sweep_due_in)
        moments += [each for each in rounds if each is not None]
    return max(0.01, min(moments))
