"""A Produce request as the bytes that are sent, for the client library's connection to send.

The library encodes and decodes by walking a description of each structure: for six partitions that takes 25 µs, and a
gateway sends 250 of them a second. A broker that does not speak this version is told in the library's own form.
Protocol: https://kafka.apache.org/protocol#The_Messages_Produce, version 7 (the same since 3; answers since 5).
"""

import struct
from io import BytesIO
from typing import Any, ClassVar, Final

from aiokafka.protocol.produce import ProduceRequest

from libs.bus.batch_writer import Built

_API_KEY: Final = 0
_VERSION: Final = 7
_ALL_IN_SYNC: Final = -1
_TIMEOUT_MS: Final = 30_000

_HEADER: Final = struct.Struct(">hhih")  # API key, version, correlation id, length of the client's name
_BEGIN: Final = struct.Struct(">hhiih")  # no transaction, acks, timeout, one topic, length of its name
_COUNT: Final = struct.Struct(">i")
_BATCH: Final = struct.Struct(">ii")  # partition, length
_NAME: Final = struct.Struct(">ih")  # number of topics, length of the name
_OUTCOME: Final = struct.Struct(">ih24x")  # partition, error code; offset, time and first offset are of no use here


class _Before:
    """A header that stands before its request already: the library's connection puts this before it, which copies
    nothing, where two that hold something would be copied into one."""

    def encode(self) -> bytes:
        return b""


class _Correlation:
    def __init__(self, correlation_id: int) -> None:
        self.correlation_id = correlation_id


class Answer:
    """What became of each batch: partitions with their error codes."""

    def __init__(self, codes: list[tuple[int, int]]) -> None:
        self.codes = codes

    @classmethod
    def decode(cls, buffer: BytesIO) -> "Answer":
        """Read an answer behind its header."""
        content = buffer.read()
        topics, length = _NAME.unpack_from(content, 0)
        if topics != 1:
            raise ValueError(f"a Produce request for one topic was answered for {topics}")
        begin = _NAME.size + length
        (count,) = _COUNT.unpack_from(content, begin)
        begin += _COUNT.size
        return cls(list(_OUTCOME.iter_unpack(content[begin : begin + count * _OUTCOME.size])))


class Produce:
    """One batch for each of some partitions of a topic, with acks=all; what a connection asks of a request."""

    RESPONSE_TYPE: ClassVar[type[Answer]] = Answer

    def __init__(self, topic: str, batches: list[tuple[int, Built]]) -> None:
        self.topic = topic
        self.batches = batches
        self._header = b""

    def prepare(self, versions: dict[int, tuple[int, int]]) -> Any:
        """Itself, or the library's request where a broker does not speak version 7."""
        least, most = versions.get(_API_KEY, (0, -1))
        if least <= _VERSION <= most:
            return self
        content = [(self.topic, [(partition, head + rest) for partition, (head, rest) in self.batches])]
        return ProduceRequest(None, _ALL_IN_SYNC, _TIMEOUT_MS, content).prepare(versions)

    def build_request_header(self, correlation_id: int, client_id: str) -> _Before:
        """Put the header before what `encode` makes."""
        name = client_id.encode()
        self._header = _HEADER.pack(_API_KEY, _VERSION, correlation_id, len(name)) + name
        return _Before()

    def parse_response_header(self, buffer: BytesIO) -> _Correlation:
        """The header of the answer."""
        (correlation_id,) = _COUNT.unpack(buffer.read(_COUNT.size))
        return _Correlation(correlation_id)

    def encode(self) -> bytes:
        """The request, behind its header once that was built."""
        name = self.topic.encode()
        begin = _BEGIN.pack(-1, _ALL_IN_SYNC, _TIMEOUT_MS, 1, len(name))
        parts = [self._header, begin, name, _COUNT.pack(len(self.batches))]
        for partition, (head, rest) in self.batches:
            parts += (_BATCH.pack(partition, len(head) + len(rest)), head, rest)
        return b"".join(parts)


def codes_of(answer: Any) -> list[tuple[int, int]]:
    """Partitions with their error codes, from an answer to `Produce`, whichever version was spoken."""
    if isinstance(answer, Answer):
        return answer.codes
    return [(partition, code) for partition, code, *_ in answer.topics[0][1]]
