"""From what was sent and what was seen to the lag of each event."""

from bisect import bisect_right

from bench.projector.peer import ProjectorFailed

Places = dict[int, list[tuple[int, float]]]
"""For each partition: offsets and times, both ascending."""


def lags(sent: Places, seen: Places, counted_from: float) -> list[float]:
    """The seconds from when each event was due, from a moment on, to when it was seen, sorted.

    `sent` has each event's offset; `seen` has what looks found: everything before that offset is there. Raises
    ProjectorFailed if an event was never seen.
    """
    found: list[float] = []
    for partition, events in sent.items():
        looks = seen.get(partition, [])
        ends = [end for end, _ in looks]
        for offset, due in events:
            place = bisect_right(ends, offset)
            if place == len(looks):
                raise ProjectorFailed(f"the event {partition}:{offset} has no row")
            if due >= counted_from:
                found.append(looks[place][1] - due)
    return sorted(found)
