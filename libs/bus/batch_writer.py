"""Kafka's record batches (format 2), written: whole records as bytes, headers encoded by whoever has them half made.

The client library's builder encodes each header of each record anew; of a webhook's seventeen, most are constants.
Format: https://kafka.apache.org/documentation/#recordbatch
"""

import struct
from collections.abc import Iterable
from typing import Final

from aiokafka.record.util import decode_varint

from libs.bus.checksum import crc32c
from schemas.envelope import Header

# base offset, length, leader epoch, magic, crc; then what the checksum covers: attributes, last offset delta, first and
# greatest timestamp, producer id, producer epoch, base sequence, number of records
_HEAD: Final = struct.Struct(">qiibI")
_COVERED: Final = struct.Struct(">hiqqqhii")
_LENGTH_COUNTS_FROM: Final = struct.calcsize(">qi")
_MAGIC: Final = 2
_MOST_RECORD_FRAME: Final = 32
"""Bytes of a record beside its key, value and headers, at most."""


def _varint(number: int) -> bytes:
    """A number in zigzag form, seven bits a byte (`_VARINTS` holds the usual ones)."""
    left = (number << 1) ^ (number >> 63)
    made = bytearray()
    while left > 0x7F:
        made.append(left & 0x7F | 0x80)
        left >>= 7
    made.append(left)
    return bytes(made)


_USUAL: Final = 8192
_VARINTS: Final = [_varint(number) for number in range(_USUAL)]


def varint(number: int) -> bytes:
    """A number as records write it."""
    return _VARINTS[number] if 0 <= number < _USUAL else _varint(number)


def field(content: bytes) -> bytes:
    """Bytes behind their length."""
    return varint(len(content)) + content


def header(name: str, value: bytes) -> bytes:
    """One header of a record."""
    return field(name.encode()) + field(value)


def header_block(headers: Iterable[Header]) -> bytes:
    """The headers of a record, behind their number."""
    made = [header(name, value) for name, value in headers]
    return varint(len(made)) + b"".join(made)


def read_header_block(block: bytes) -> list[Header]:
    """What `header_block` was given."""
    count, position = decode_varint(block, 0)
    headers: list[Header] = []
    for _ in range(count):
        texts = []
        for _ in range(2):
            length, begin = decode_varint(block, position)
            position = begin + length
            texts.append(block[begin:position])
        headers.append((texts[0].decode(), texts[1]))
    return headers


Built = tuple[bytes, bytes]
"""A batch in the two pieces that it is made in: a request joins them with everything else, in one copy."""


class BatchWriter:
    """A batch that grows, is numbered, and is built: the same bytes however often it is sent."""

    __slots__ = ("_built", "_first_ms", "_greatest_ms", "_numbers", "_parts", "bytes", "count", "numbered")

    def __init__(self) -> None:
        self._parts: list[bytes] = [b""]  # first, what the checksum covers before the records
        self._first_ms = self._greatest_ms = 0
        self._numbers = (-1, -1, -1)
        self._built: Built | None = None
        self.count = 0
        self.bytes = 0
        self.numbered = False

    def append(self, key: bytes, value: bytes, headers: bytes, timestamp_ms: int) -> None:
        """Take one record; `headers` is a `header_block`, the time is in milliseconds since 1970."""
        count = self.count
        if not count:
            self._first_ms = self._greatest_ms = timestamp_ms
        elif timestamp_ms > self._greatest_ms:
            self._greatest_ms = timestamp_ms
        before = b"\0%b%b%b" % (varint(timestamp_ms - self._first_ms), varint(count), varint(len(key)))
        between = varint(len(value))
        size = len(before) + len(key) + len(between) + len(value) + len(headers)
        self._parts += (varint(size), before, key, between, value, headers)
        self.count = count + 1
        self.bytes += size + _MOST_RECORD_FRAME

    def number(self, producer_id: int, epoch: int, sequence: int) -> None:
        """Say whose batch it is, and the number of its first record: so the broker writes it once."""
        self._numbers = producer_id, epoch, sequence
        self.numbered = True

    def build(self) -> Built:
        """The batch as it is sent; nothing is appended after that."""
        if self._built is None:
            self._parts[0] = _COVERED.pack(
                0, self.count - 1, self._first_ms, self._greatest_ms, *self._numbers, self.count
            )
            covered = b"".join(self._parts)
            length = _HEAD.size - _LENGTH_COUNTS_FROM + len(covered)
            self._built = _HEAD.pack(0, length, -1, _MAGIC, crc32c(covered)), covered
            self._parts.clear()
        return self._built
