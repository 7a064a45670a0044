"""What to ask StockX next: a pure function of the situation. One call at a time; a second is the price of each.

| order | call                                   | while only the reserve is left |
|-------|----------------------------------------|--------------------------------|
| 1     | writes whose fate is not known         | yes: they hold up their users  |
| 2     | commands; polls in turns with them     | commands only                  |
| 3     | states of listings that have changed   | no                             |
| 4     | operations that others have started    | no                             |
| 5     | orders                                 | no                             |
| 6     | the sweep over all listings            | no                             |

Until an account's listings were read once, the sweep comes first and nothing is created: what is new must be told from
what was there before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.stockx_poller.batching import LOOK_AGAIN, next_write
from services.stockx_poller.situation import (
    Call,
    Kind,
    LookAtOperations,
    LookForDoubtful,
    Poll,
    PollBatch,
    PollListing,
    Refresh,
    Round,
    Situation,
    Stale,
    Wait,
)

IDLE = 30.0
MOST_VARIANTS = 40
"""In one request: their ids are part of its URL."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`pace`: seconds a call. `reserve`: requests a day that are kept for commands. `largest`: items of a batch."""

    pace: float
    reserve: int
    largest: int
    gather: float


def next_call(situation: Situation, rules: Rules) -> Call | Wait:
    """The call to make now, or how long to wait for one."""
    quotas = situation.quotas
    if quotas.requests <= 0:
        return Wait(min(IDLE, max(quotas.day_ends_in, LOOK_AGAIN)))
    if not situation.swept:
        known = [each for each in situation.waiting if each.kind is not Kind.CREATE]
        situation = replace(situation, waiting=known, sweep_due_in=situation.sweep_due_in or 0.0)
    if _due(situation.doubts_due_in):
        return LookForDoubtful()
    spare = quotas.requests > rules.reserve
    write = next_write(situation.waiting, quotas, pace=rules.pace, largest=rules.largest, gather=rules.gather)
    poll = min(situation.polls, key=lambda each: each.due_in, default=None) if spare else None
    overdue = poll is not None and poll.due_in <= 0
    if write is not None and not isinstance(write, Wait) and not (overdue and situation.wrote_last):
        return write
    if poll is not None and overdue:
        return _polling(poll)
    if spare and (call := _other(situation)) is not None:
        return call
    return Wait(_pause(situation, write, spare=spare))


def _polling(poll: Poll) -> Call:
    return PollBatch(poll.name) if poll.batch else PollListing(poll.name)


def _other(situation: Situation) -> Call | None:
    if not situation.swept and _due(situation.sweep_due_in):
        return Round.SWEEP
    if situation.stale:
        return refresh(situation.stale)
    if situation.looks:
        return LookAtOperations(situation.looks[0])
    if _due(situation.orders_due_in):
        return Round.ORDERS
    if _due(situation.history_due_in):
        return Round.HISTORY
    return Round.SWEEP if _due(situation.sweep_due_in) else None


def refresh(stale: Sequence[Stale]) -> Refresh:
    """One call for as many listings as possible; a listing whose variant is not known goes alone."""
    known = [each for each in stale if each.variant_id is not None]
    if len(known) < 2:
        return Refresh((stale[0].listing_id,), ())
    variants: dict[str, None] = {}
    chosen: list[str] = []
    for each in known:
        if each.variant_id is not None and (each.variant_id in variants or len(variants) < MOST_VARIANTS):
            variants[each.variant_id] = None
            chosen.append(each.listing_id)
    return Refresh(tuple(chosen), tuple(variants))


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
        moments += [each.due_in for each in situation.polls]
        rounds = (situation.orders_due_in, situation.history_due_in, situation.sweep_due_in)
        moments += [each for each in rounds if each is not None]
    return max(0.01, min(moments))
