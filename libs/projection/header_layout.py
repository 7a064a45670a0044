"""Headers that stand as those of a record before: only what varies is looked at. Compiled (`libs/compiled.py`).

One publisher writes the same headers in the same order every time, and most of them with the same values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

if TYPE_CHECKING:
    from mypy_extensions import i64

_VARYING: Final = frozenset(
    (
        b"ce_id",
        b"ce_source",
        b"ce_time",
        b"ce_subject",
        b"ce_correlationid",
        b"ce_causationid",
        b"traceparent",
        b"tracestate",
    )
)


@final
class HeaderLayout:
    """The bytes between the values that vary, from headers in which every length takes one byte and none is empty."""

    def __init__(self, data: bytes) -> None:
        self._fixed: list[bytes] = []
        self._id: i64 = -1
        self._time: i64 = -1
        self._correlation: i64 = -1
        begin: i64 = 0
        at: i64 = 1
        size: i64 = len(data)
        while at < size:
            behind: i64 = at + 1 + (data[at] >> 1)
            name = data[at + 1 : behind]
            at = behind + 1 + (data[behind] >> 1)
            if name not in _VARYING:
                continue
            if name == b"ce_id":
                self._id = len(self._fixed)
            elif name == b"ce_time":
                self._time = len(self._fixed)
            elif name == b"ce_correlationid":
                self._correlation = len(self._fixed)
            self._fixed.append(data[begin:behind])
            begin = at
        self._end = data[begin:]

    def read(self, data: bytes) -> tuple[bytes, bytes, bytes] | None:
        """The event's id, its time and its correlation id (or nothing); None for headers that stand otherwise."""
        if not data.isascii() or b"\0" in data:
            return None
        event_id, time, correlation_id = b"", b"", b""
        size: i64 = len(data)
        at: i64 = 0
        for place, fixed in enumerate(self._fixed):
            behind: i64 = at + len(fixed)
            if behind >= size or data[at:behind] != fixed:
                return None
            length: i64 = data[behind]
            if length & 1:
                return None
            at = behind + 1 + (length >> 1)
            if place == self._id:
                event_id = data[behind + 1 : at]
            elif place == self._time:
                time = data[behind + 1 : at]
            elif place == self._correlation:
                correlation_id = data[behind + 1 : at]
        if at + len(self._end) != size or data[at:] != self._end:
            return None
        return event_id, time, correlation_id
