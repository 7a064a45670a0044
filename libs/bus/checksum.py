"""CRC-32C, the checksum of Kafka's record batches: by the processor's own instruction where that can be had."""

from collections.abc import Callable
from typing import Final

from aiokafka.record.util import calc_crc32c

_fast: Callable[[bytes], int] | None
try:
    from crc32c import crc32c as _fast  # ten times as fast
except ImportError:
    _fast = None

crc32c: Final[Callable[[bytes], int]] = _fast or calc_crc32c
"""Of bytes, or of a view of them."""
