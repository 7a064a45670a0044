"""What is still to be done today, and until when: a pure estimate for people (`sellstream stockx quota`)."""

import math
from dataclasses import dataclass

from libs.marketplaces.stockx.listings import LARGEST_PAGE
from services.stockx_poller.batching import CALLS_OF_ONE, WORTH_A_BATCH, Packing
from services.stockx_poller.situation import Quotas


@dataclass(frozen=True, slots=True)
class Load:
    """What waits, `creations` of it. `typical`: seconds that operations of late took to be known."""

    waiting: int
    creations: int
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


def plan(load: Load, quotas: Quotas, *, packing: Packing, window: float, items: int, reserve: int) -> Plan:
    """The plan for a load. `items` in `window` seconds may be sent in batches."""
    creations, changes = load.creations, load.waiting - load.creations
    batched = sum(each for each in (creations, changes) if each >= WORTH_A_BATCH)
    alone = load.waiting - batched
    batches = _batches(creations, packing.largest_creation) + _batches(changes, packing.largest)
    created = creations if creations >= WORTH_A_BATCH else 0
    reads = math.ceil((created + load.stale) / LARGEST_PAGE)
    calls = 2 * batches + load.pending_batches + CALLS_OF_ONE * (alone + load.doubtful) + load.pending + reads
    beyond = max(0, batched - quotas.items)
    wait = 0.0 if not beyond else quotas.items_free_in + window * (math.ceil(beyond / items) - 1)
    anything = load.waiting + load.doubtful + load.pending + load.pending_batches
    seconds = max(calls * packing.pace, wait) + load.typical if anything else 0.0
    fits = calls <= quotas.requests - reserve
    return Plan(calls, seconds if fits else max(seconds, quotas.day_ends_in), fits)


def _batches(commands: int, largest: int) -> int:
    return math.ceil(commands / largest) if commands >= WORTH_A_BATCH else 0
