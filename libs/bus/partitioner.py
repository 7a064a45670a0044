"""Which partition a key belongs to: the murmur2 of Kafka's Java client, which every producer of sellstream agrees on.

Source: org.apache.kafka.common.utils.Utils.murmur2 and BuiltInPartitioner.partitionForKey.
"""

from functools import lru_cache
from struct import unpack_from

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The 32-bit hash of a key."""
    length = len(data)
    words = length >> 2
    h = _SEED ^ length
    for word in unpack_from(f"<{words}I", data):
        k = word * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    tail = length & 3
    if tail:
        h = (h ^ int.from_bytes(data[words << 2 :], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


@lru_cache(maxsize=4096)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition (0, 1, …) of a key in a topic of that many partitions."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
