"""What is still to be done today, and until when: a pure estimate for people (`sellstream stockx quota`)."""

import math
from dataclasses import dataclass

from services.stockx_poller.batching import CALLS_OF_ONE, WORTH_A_BATCH
from services.stockx_poller.situation import Quotas

POLLS_OF_A_BATCH = 3
LISTINGS_OF_A_PAGE = 100


@dataclass(frozen=True, slots=True)
class Load:
    """What waits. `typical`: seconds that operations of late took to end; `oldest`: age of the oldest pending one."""

    waiting: int
    doubtful: int
    pending: int
    pending_batches: int
    stale: int
    typical: float


@dataclass(frozen=True, slots=True)
class Plan:
    """`calls`: requests that the work needs. `seconds`: until the last pending operation is expected to be known.

    `fits`: whether they are left today, without the reserve.
    """

    calls: int
    seconds: float
    fits: bool


def plan(load: Load, quotas: Quotas, *, pace: float, largest: int, window: float, items: int, reserve: int) -> Plan:
    """The plan for a load. `items` in `window` seconds may be sent in batches, of `largest` each."""
    batched = load.waiting if load.waiting >= WORTH_A_BATCH else 0
    batches = math.ceil(batched / largest)
    writes = batches + (load.waiting - batched)
    polls = POLLS_OF_A_BATCH * (batches + load.pending_batches) + (load.waiting - batched) + load.pending
    reads = math.ceil((batched + load.stale) / LISTINGS_OF_A_PAGE)
    calls = writes + polls + reads + CALLS_OF_ONE * load.doubtful
    beyond = max(0, batched - quotas.items)
    wait = 0.0 if not beyond else quotas.items_free_in + window * (math.ceil(beyond / items) - 1)
    anything = load.waiting + load.doubtful + load.pending + load.pending_batches
    seconds = max(calls * pace, wait) + load.typical if anything else 0.0
    fits = calls <= quotas.requests - reserve
    return Plan(calls, seconds if fits else max(seconds, quotas.day_ends_in), fits)
