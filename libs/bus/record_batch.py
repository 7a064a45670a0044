"""Kafka's record batches (format 2), read leniently: a header's name may be any bytes.

The protocol calls a header's name a string, but no broker looks at its bytes, and some clients write other encodings.
The client library refuses the whole batch then. Here such a name is read with its foreign bytes escaped (`\\xff`).
Format: https://kafka.apache.org/documentation/#recordbatch
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from aiokafka.codec import gzip_decode, lz4_decode, snappy_decode, zstd_decode
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.util import decode_varint
from aiokafka.structs import ConsumerRecord, TopicPartition

from libs.bus.checksum import crc32c
from libs.bus.message import Record

# base offset, length, leader epoch, magic, crc, attributes, last offset delta, first and greatest timestamp,
# producer id, producer epoch, base sequence, number of records
BATCH_HEAD: Final = struct.Struct(">qiibIhiqqqhii")
_LENGTH_COUNTS_FROM = struct.calcsize(">qi")
_CRC_COUNTS_FROM = struct.calcsize(">qiibI")
CODECS: Final = {1: gzip_decode, 2: snappy_decode, 3: lz4_decode, 4: zstd_decode}
LOG_APPEND_TIME: Final = 0x08
CONTROL: Final = 0x20
_TRANSACTIONAL = 0x10
_ABORT = struct.pack(">hh", 0, 0)


class Aborted(NamedTuple):
    """A transaction that was aborted, as a fetch response tells it."""

    producer_id: int
    first_offset: int


class Read(NamedTuple):
    """A record, and whether a header's name had to be escaped."""

    record: Record
    escaped: bool


class Batch:
    """One batch, its checksum proven. `next_offset` is the offset behind it, also where records were compacted away."""

    def __init__(self, place: TopicPartition, data: memoryview) -> None:
        self._place = place
        self._data = data
        (self.base_offset, _, _, magic, crc, self._attributes, last_delta, self._first_time, self._last_time) = (
            BATCH_HEAD.unpack_from(data)[:9]
        )
        self.producer_id: int = BATCH_HEAD.unpack_from(data)[9]
        self.count: int = BATCH_HEAD.unpack_from(data)[12]
        self.next_offset: int = self.base_offset + last_delta + 1
        where = f"{place.topic}:{place.partition} at offset {self.base_offset}"
        if magic != 2:
            raise CorruptRecordException(f"{where}: a record batch of format {magic}; only format 2 is known")
        if crc != crc32c(bytes(data[_CRC_COUNTS_FROM:])):
            raise CorruptRecordException(f"{where}: the record batch does not have the checksum that it names")

    @property
    def is_transactional(self) -> bool:
        return bool(self._attributes & _TRANSACTIONAL)

    @property
    def is_control(self) -> bool:
        return bool(self._attributes & CONTROL)

    @property
    def aborts(self) -> bool:
        """Whether this is the mark that ends a transaction without effect."""
        return self.is_control and any(one.record.key == _ABORT for one in self.records())

    def records(self) -> Iterator[Read]:
        """The records in order; raises CorruptRecordException where the bytes are no records."""
        try:
            buffer = self._body()
            position = 0
            for _ in range(self.count):
                length, start = decode_varint(buffer, position)
                position = start + length
                yield self._record(buffer, start, position)
        except (IndexError, ValueError, struct.error) as error:
            raise CorruptRecordException(
                f"{self._place.topic}:{self._place.partition} at offset {self.base_offset}: {error!r}"
            ) from error

    def _body(self) -> bytearray:
        data = self._data[BATCH_HEAD.size :]
        codec = self._attributes & 0x07
        if codec == 0:
            return bytearray(data)
        if codec not in CODECS:
            raise UnsupportedCodecError(f"a record batch is compressed with codec {codec}, which is not known")
        return bytearray(CODECS[codec](bytes(data)))

    def _record(self, buffer: bytearray, start: int, end: int) -> Read:
        position = start + 1  # attributes: no bit of them is in use
        time_delta, position = decode_varint(buffer, position)
        offset_delta, position = decode_varint(buffer, position)
        key, position = _bytes(buffer, position)
        value, position = _bytes(buffer, position)
        count, position = decode_varint(buffer, position)
        headers: list[tuple[str, bytes | None]] = []
        escaped = False
        for _ in range(count):
            name, position = _bytes(buffer, position)
            text = (name or b"").decode(errors="backslashreplace")
            escaped = escaped or text.encode() != name
            header_value, position = _bytes(buffer, position)
            headers.append((text, header_value))
        if position != end:
            raise ValueError(f"a record of {end - start} bytes, of which {position - start} could be read")
        append_time = bool(self._attributes & LOG_APPEND_TIME)
        record = ConsumerRecord(
            self._place.topic,
            self._place.partition,
            self.base_offset + offset_delta,
            self._last_time if append_time else self._first_time + time_delta,
            int(append_time),
            key,
            value,
            None,
            -1 if key is None else len(key),
            -1 if value is None else len(value),
            tuple(headers),
        )
        return Read(record, escaped)


def batches(place: TopicPartition, data: bytes) -> Iterator[Batch]:
    """The whole batches in what a broker sent; it may cut off the last one anywhere."""
    position = 0
    view = memoryview(data)
    while position + BATCH_HEAD.size <= len(data):
        (length,) = struct.unpack_from(">i", data, position + 8)
        end = position + _LENGTH_COUNTS_FROM + length
        if end > len(data):
            return
        yield Batch(place, view[position:end])
        position = end


def _bytes(buffer: bytearray, position: int) -> tuple[bytes | None, int]:
    length, position = decode_varint(buffer, position)
    if length < 0:
        return None, position
    end = position + length
    if end > len(buffer):
        raise IndexError("a field that is longer than its batch")
    return bytes(buffer[position:end]), end
