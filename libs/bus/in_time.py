"""Partitions read side by side, the oldest records first: for who folds keys that may stand in several of them."""

from bisect import bisect_right
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from itertools import accumulate

from libs.bus.message import Record
from libs.bus.reader import Chunk, Partition, read_range
from libs.bus.settings import KafkaSettings


@dataclass(slots=True)
class _Head:
    """What is in hand of a partition, with `times_of` it."""

    records: list[Record]
    times: list[int]
    next_offset: int


def times_of(records: Sequence[Record], before: int = -1) -> list[int]:
    """When each record was written: its own time, or an earlier record's that is later, so that offsets keep order.

    `before` is the last of those of the records before.
    """
    return list(accumulate((record.timestamp for record in records), max, initial=before))[1:]


async def read_in_time(
    settings: KafkaSettings, begin: Mapping[Partition, int], end: Mapping[Partition, int], *, max_records: int = 10_000
) -> AsyncGenerator[dict[Partition, Chunk], None]:
    """As `read_range`, but what comes together was written before all that comes later, by `times_of` the records.

    A few records come all at once. Of more, each partition has a reader of its own; about `max_records` come at once.
    """
    wanted = {one: offset for one, offset in end.items() if begin[one] < offset}
    if len(wanted) < 2 or sum(offset - begin[one] for one, offset in wanted.items()) <= max_records:
        gathered: dict[Partition, Chunk] = {}
        async with aclosing(read_range(settings, begin, wanted, max_records=max_records)) as chunks:
            async for found in chunks:
                if len(wanted) < 2:
                    yield found
                    continue
                _add(gathered, found)
        if gathered:
            yield gathered
        return
    async with AsyncExitStack() as stack:
        streams = {
            one: await stack.enter_async_context(
                aclosing(read_range(settings, begin, {one: offset}, max_records=max_records // len(wanted) + 1))
            )
            for one, offset in sorted(wanted.items())
        }
        gathered, count = {}, 0
        async for found in await stack.enter_async_context(aclosing(_merged(streams))):
            count += _add(gathered, found)
            if count >= max_records:
                yield gathered
                gathered, count = {}, 0
        if gathered:
            yield gathered


def _add(gathered: dict[Partition, Chunk], found: Mapping[Partition, Chunk]) -> int:
    """Put chunks behind those of the same partitions; return how many records they have."""
    for one, chunk in found.items():
        earlier = gathered.setdefault(one, Chunk([], 0))
        earlier.records += chunk.records
        earlier.next_offset = chunk.next_offset
    return sum(len(chunk.records) for chunk in found.values())


async def _merged(
    streams: dict[Partition, AsyncGenerator[dict[Partition, Chunk], None]],
) -> AsyncGenerator[dict[Partition, Chunk], None]:
    """Small pieces, each written before the next."""
    heads: dict[Partition, _Head] = {}
    last: dict[Partition, int] = {}
    while streams or heads:
        for one in list(streams):
            while one in streams and one not in heads:
                found = await anext(streams[one], None)
                if found is None:
                    del streams[one]
                elif found[one].records:
                    times = times_of(found[one].records, last.get(one, -1))
                    heads[one], last[one] = _Head(found[one].records, times, found[one].next_offset), times[-1]
                else:
                    yield found  # offsets without a record
        # What a partition has not shown yet is no older than the last that it has shown.
        bound = min((heads[one].times[-1] for one in streams), default=None)
        made: dict[Partition, Chunk] = {}
        for one, head in list(heads.items()):
            count = len(head.records) if bound is None else bisect_right(head.times, bound)
            if count == len(head.records):
                made[one] = Chunk(head.records, head.next_offset)
                del heads[one]
            elif count:
                made[one] = Chunk(head.records[:count], head.records[count - 1].offset + 1)
                heads[one] = _Head(head.records[count:], head.times[count:], head.next_offset)
        if made:
            yield made
