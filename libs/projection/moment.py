"""A moment in the log: a time, or an offset for each partition."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from libs.bus.reader import Partition

Moment = datetime | Mapping[Partition, int]

_OFFSET = re.compile(r"(?P<topic>[a-z][a-z0-9_-]*):(?P<partition>\d{1,9}):(?P<offset>\d{1,18})")


class NoMoment(ValueError):
    """A text names no moment; the message says what one looks like."""


def parse_moment(text: str) -> Moment:
    """Read `2026-11-21T10:15:00Z` or `orders:0:120,orders:1:98`; raise NoMoment."""
    if _OFFSET.match(text):
        return _offsets(text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise NoMoment(
            f"{text!r} is neither a time (2026-11-21T10:15:00Z) nor offsets (orders:0:120,orders:1:98)"
        ) from None
    if time.tzinfo is None:
        raise NoMoment(f"{text!r} has no offset from UTC: write {text}Z for UTC, or {text}-03:00")
    return time.astimezone(UTC)


def schema_for(read_model: str, moment: Moment) -> str:
    """The PostgreSQL schema for the state at a moment, for example `orders_as_of_20261121t101500z`."""
    if isinstance(moment, datetime):
        fraction = f"_{moment.microsecond:06d}" if moment.microsecond else ""
        return f"{read_model}_as_of_{moment:%Y%m%dt%H%M%S}{fraction}z"
    text = ",".join(f"{one}:{offset}" for one, offset in sorted(moment.items()))
    return f"{read_model}_as_of_offsets_{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def _offsets(text: str) -> dict[Partition, int]:
    offsets: dict[Partition, int] = {}
    for part in text.split(","):
        match = _OFFSET.fullmatch(part.strip())
        if match is None:
            raise NoMoment(f"{part!r} is not topic:partition:offset")
        partition = Partition(match["topic"], int(match["partition"]))
        if partition in offsets:
            raise NoMoment(f"the partition {partition} stands twice")
        offsets[partition] = int(match["offset"])
    return offsets
