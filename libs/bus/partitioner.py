"""Which partition a key belongs to: the murmur2 of Kafka's Java client, which every producer of sellstream agrees on.

It is Appleby's MurmurHash2 of 32 bits with a seed of Kafka's own. Compiled (`libs/compiled.py`), it needs about a
microsecond for a key: `i64` is the processor's own number there, and wide enough for each product.
Source: org.apache.kafka.common.utils.Utils.murmur2 and BuiltInPartitioner.partitionForKey.
"""

from typing import Final

from mypy_extensions import i64

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The 32-bit hash of a key."""
    mask: i64 = _MASK
    m: i64 = _M
    length: i64 = len(data)
    h: i64 = _SEED ^ length
    at: i64 = 0
    while at + 4 <= length:
        k: i64 = data[at] | data[at + 1] << 8 | data[at + 2] << 16 | data[at + 3] << 24
        k = k * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
        at += 4
    if at < length:
        tail: i64 = 0
        shift: i64 = 0
        while at < length:
            byte: i64 = data[at]
            tail |= byte << shift
            shift += 8
            at += 1
        h = (h ^ tail) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """The partition (0, 1, …) of a key in a topic of that many partitions."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
