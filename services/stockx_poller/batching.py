"""Which commands to send next, and whether together. A pure function of what waits and what is left.

| a single write costs   | a batch of n costs                                                            |
|------------------------|-------------------------------------------------------------------------------|
| 1 call, and 1 or more  | 1 call, and mostly 1 for each 100 items to learn what came of them: from      |
| polls                  | three items on, it is the cheaper one                                         |

A batch is sent when it is full, or when no command has come for `gather`. The items' window (500 in five minutes) may
be spent while requests are left: then commands are collected until it is open again, which costs nothing; a few of
them are sent alone, if they are through before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.marketplaces.stockx.batch import BatchKind
from services.stockx_poller.situation import Quotas, SendBatch, SendOne, Wait, Waiting, Write

WORTH_A_BATCH = 3
FEW = 10
"""So many are sent alone rather than wait for minutes; more would cost too many calls."""
CALLS_OF_ONE = 2
LOOK_AGAIN = 5.0


@dataclass(frozen=True, slots=True)
class Packing:
    """`pace`: seconds a call. `largest`: items of a batch, `largest_creation` of one that creates.

    A batch that is not full waits until no command has come for `gather` seconds, at most `longest` altogether.
    """

    pace: float
    largest: int
    largest_creation: int
    gather: float
    longest: float

    def most(self, kind: BatchKind) -> int:
        """Items of a batch of this kind."""
        return self.largest_creation if kind is BatchKind.CREATE else self.largest


@dataclass(frozen=True, slots=True)
class _Group:
    """Commands that one batch could carry, were it large enough; the oldest first."""

    kind: BatchKind
    most: int
    commands: Sequence[Waiting]

    @property
    def size(self) -> int:
        return min(len(self.commands), self.most)

    def unsettled(self, packing: Packing) -> float:
        """For how many seconds others may still join."""
        youngest = min(each.age for each in self.commands)
        return min(packing.gather - youngest, packing.longest - self.commands[0].age)


def next_write(waiting: Sequence[Waiting], quotas: Quotas, packing: Packing) -> Write | Wait | None:
    """The next write, None if nothing waits."""
    if not waiting:
        return None
    groups = _groups(waiting, packing)
    waits: list[float] = []
    for group in sorted(groups, key=lambda each: (each.size, each.commands[0].age), reverse=True):
        write = _of_group(group, quotas, packing)
        if not isinstance(write, Wait):
            return write
        waits.append(write.seconds)
    return Wait(min(waits))


def _of_group(group: _Group, quotas: Quotas, packing: Packing) -> Write | Wait:
    unsettled = group.unsettled(packing)
    if group.size < WORTH_A_BATCH:
        return SendOne(group.commands[0].id) if unsettled <= 0 or group.most == 1 else Wait(unsettled)
    if quotas.items >= group.size:
        if group.size == group.most or unsettled <= 0:
            return SendBatch(group.kind, _chosen(group))
        return Wait(unsettled)
    if len(group.commands) <= FEW and len(group.commands) * CALLS_OF_ONE * packing.pace <= quotas.items_free_in:
        return SendOne(group.commands[0].id) if unsettled <= 0 else Wait(unsettled)
    return Wait(min(LOOK_AGAIN, max(quotas.items_free_in, packing.pace)))


def _chosen(group: _Group) -> tuple[str, ...]:
    """The oldest, with those about listings of its cluster: listings that came together are read together."""
    clusters: dict[str | None, list[str]] = {}
    for each in group.commands:
        clusters.setdefault(each.cluster, []).append(each.id)
    return tuple([name for cluster in clusters.values() for name in cluster][: group.size])


def _groups(waiting: Sequence[Waiting], packing: Packing) -> list[_Group]:
    """By the kind of batch and its largest size."""
    found: dict[tuple[BatchKind, int], list[Waiting]] = {}
    for each in sorted(waiting, key=lambda one: -one.age):
        kind = each.kind.batch
        most = min(packing.most(kind), each.pack or packing.most(kind))
        found.setdefault((kind, most), []).append(each)
    return [_Group(kind, most, commands) for (kind, most), commands in found.items()]
