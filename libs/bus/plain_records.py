"""Records found in place: a batch's bytes are gone through once, and headers are made only for who asks. Compiled.

The client library makes an object of every header of every record: for who wants two of nine that is more work than all
the rest of a record. Format: https://kafka.apache.org/documentation/#recordbatch
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, final

from aiokafka.errors import KafkaError

from libs.bus.checksum import crc32c
from libs.bus.record_batch import BATCH_HEAD, CODECS, CONTROL, LOG_APPEND_TIME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_extensions import i64

    from schemas.envelope import Header

_HEAD_BYTES: Final = BATCH_HEAD.size
_LENGTH_COUNTS_FROM: Final = 12
_CRC_COUNTS_FROM: Final = 21
_FORMAT: Final = 2
_LONGEST_VARINT: Final = 63  # bits of shift
_BROKEN: Final = (KafkaError, ValueError, IndexError, OSError, struct.error)  # codecs raise errors of many kinds


class NotPlain(Exception):
    """Something else than the next committed records came; nothing after the last chunk was read."""


def _varint(data: bytes, at: i64) -> tuple[i64, i64]:
    """The number that stands there in zigzag form, and where it ends."""
    byte: i64 = data[at]
    at += 1
    number: i64 = byte & 0x7F
    shift: i64 = 7
    while byte & 0x80:
        if shift > _LONGEST_VARINT:
            raise ValueError("a number of more than 64 bits")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
    return (number >> 1) ^ -(number & 1), at


@final
class PlainRecord:
    """A record that stands in `data`: its attributes at `begin`, its headers (their number first) from `headers_at`."""

    def __init__(
        self,
        offset: int,
        value: bytes | None,
        data: bytes,
        begin: i64,
        headers_at: i64,
        end: i64,
        times: tuple[int, bool],
    ) -> None:
        self.offset = offset
        self.value = value
        self._data = data
        self._begin = begin
        self._headers_at = headers_at
        self._end = end
        self._times = times

    @property
    def header_bytes(self) -> bytes:
        """The headers as they stand there: their number, then length, name, length, value of each."""
        return self._data[self._headers_at : self._end]

    @property
    def headers(self) -> list[Header]:
        """The headers; raises NotPlain where a name is not UTF-8 or the bytes are no headers."""
        data = self._data
        found: list[Header] = []
        try:
            count, at = _varint(data, self._headers_at)
            while count > 0:
                count -= 1
                length, at = _varint(data, at)
                name = data[at : at + length].decode()
                at += length
                length, at = _varint(data, at)
                value: bytes | None = None
                if length >= 0:
                    value = data[at : at + length]
                    at += length
                found.append((name, value))  # type: ignore[arg-type]  # other publishers write null
        except (IndexError, ValueError) as error:
            raise NotPlain(f"headers at offset {self.offset}: {error}") from error
        if at != self._end:
            raise NotPlain(f"the headers at offset {self.offset} end at another place than their record")
        return found

    @property
    def key(self) -> bytes | None:
        _, at = _varint(self._data, self._begin + 1)
        _, at = _varint(self._data, at)
        length, at = _varint(self._data, at)
        return None if length < 0 else self._data[at : at + length]

    @property
    def timestamp(self) -> int:
        """Milliseconds since 1970."""
        first, appended = self._times
        delta, _ = _varint(self._data, self._begin + 1)
        return first if appended else first + int(delta)


@final
class PlainBatch:
    """One batch in what a broker sent. `next_offset`: the offset behind it, also where records were compacted away."""

    def __init__(self, data: bytes, begin: int, end: int) -> None:
        self._data = data
        self._begin = begin
        self._end = end
        head = BATCH_HEAD.unpack_from(data, begin)
        self.base_offset: int = head[0]
        self.next_offset: int = self.base_offset + int(head[6]) + 1
        self._crc: int = head[4]
        self._attributes: int = head[5]
        appended = bool(self._attributes & LOG_APPEND_TIME)
        self._times: tuple[int, bool] = (int(head[8] if appended else head[7]), appended)
        self._count: int = head[12]
        if head[3] != _FORMAT:
            raise NotPlain(f"a batch of format {head[3]} at offset {self.base_offset}")

    @property
    def is_control(self) -> bool:
        """Whether it ends a transaction, and holds no records of anybody's."""
        return bool(self._attributes & CONTROL)

    def records(self) -> Iterator[PlainRecord]:
        """The records, one by one as they are asked for; raises NotPlain where the bytes are not what was written."""
        # Not before: what was just looked at is still in the processor's cache.
        if crc32c(memoryview(self._data)[self._begin + _CRC_COUNTS_FROM : self._end]) != self._crc:  # type: ignore[arg-type]  # any view of bytes
            raise NotPlain(f"the batch at offset {self.base_offset} is damaged")
        data, at, base, times = self._data, self._begin + _HEAD_BYTES, self.base_offset, self._times
        limit: i64 = self._end
        if self._attributes & 0x07:
            data, at = self._unpacked(), 0
            limit = len(data)
        begin: i64 = at
        left = self._count
        while left > 0:
            left -= 1
            try:
                length, begin = _varint(data, begin)
                end = begin + length
                _, place = _varint(data, begin + 1)  # behind the attributes
                delta, place = _varint(data, place)
                length, place = _varint(data, place)
                if length > 0:
                    place += length
                length, place = _varint(data, place)
            except (IndexError, ValueError) as error:
                raise NotPlain(f"the batch at offset {base} holds something else than records: {error}") from error
            value: bytes | None = None
            if length >= 0:
                value = data[place : place + length]
                place += length
            if place >= end or end > limit:
                raise NotPlain(f"a record of the batch at offset {base} is longer than its frame")
            yield PlainRecord(base + int(delta), value, data, begin, place, end, times)
            begin = end

    def _unpacked(self) -> bytes:
        codec = self._attributes & 0x07
        if codec not in CODECS:
            raise NotPlain(f"the batch at offset {self.base_offset} is packed by codec {codec}, which is not known")
        try:
            return bytes(CODECS[codec](self._data[self._begin + _HEAD_BYTES : self._end]))
        except _BROKEN as error:
            raise NotPlain(f"the batch at offset {self.base_offset} cannot be unpacked: {error}") from error


def plain_batches(data: bytes) -> list[PlainBatch]:
    """The whole batches in what a broker sent; it may cut off the last one anywhere. Raises NotPlain."""
    found: list[PlainBatch] = []
    begin = 0
    while begin + _HEAD_BYTES <= len(data):
        end = begin + _LENGTH_COUNTS_FROM + int.from_bytes(data[begin + 8 : begin + 12], "big")
        if end > len(data):
            break
        if end < begin + _HEAD_BYTES:
            raise NotPlain(f"a batch of {end - begin} bytes")
        found.append(PlainBatch(data, begin, end))
        begin = end
    return found
