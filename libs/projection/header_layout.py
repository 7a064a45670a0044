"""Headers that stand as those of a record before: only what varies is looked at. Compiled (`libs/compiled.py`).

One publisher writes the same headers in the same order every time, and most of them with the same values.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, final

if TYPE_CHECKING:
    from mypy_extensions import i64

_READ: Final = (b"ce_id", b"ce_time", b"ce_correlationid")
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
    """What stands where in headers of one length, in which every name's and value's length takes one byte.

    The lengths stand among the bytes that do not vary: where those are equal, every value begins and ends as it did.
    """

    def __init__(self, data: bytes) -> None:
        fixed, varying = "=", "="
        self._id: i64 = -1
        self._time: i64 = -1
        self._correlation: i64 = -1
        count: i64 = 0
        begin: i64 = 0
        at: i64 = 1
        size: i64 = len(data)
        while at < size:
            behind: i64 = at + 1 + (data[at] >> 1)
            name = data[at + 1 : behind]
            at = behind + 1 + (data[behind] >> 1)
            if name not in _VARYING:
                continue
            behind += 1
            fixed += f"{behind - begin}s{at - behind}x"
            varying += f"{behind - begin}x{at - behind}{'s' if name in _READ else 'x'}"
            if name == b"ce_id":
                self._id = count
            elif name == b"ce_time":
                self._time = count
            elif name == b"ce_correlationid":
                self._correlation = count
            count += name in _READ
            begin = at
        self._size: i64 = size
        self._fixed_of = struct.Struct(f"{fixed}{size - begin}s").unpack
        self._varying_of = struct.Struct(f"{varying}{size - begin}x").unpack
        self._fixed: tuple[bytes, ...] = self._fixed_of(data)

    def read(self, data: bytes) -> tuple[bytes, bytes, bytes] | None:
        """The event's id, its time and its correlation id (or nothing); None for headers that stand otherwise."""
        if len(data) != self._size or self._fixed_of(data) != self._fixed or not data.isascii() or 0 in data:
            return None
        found = self._varying_of(data)
        correlation_id: bytes = found[self._correlation] if self._correlation >= 0 else b""
        return found[self._id], found[self._time], correlation_id
