"""A process's memory once it is built: what stays is left alone, and what is freed is kept for what comes next."""

import ctypes
import gc

_GARBAGE_AFTER = 20_000  # new objects

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
"""glibc's `malloc.h`."""

_LARGEST_KEPT = 4 * 1024 * 1024
_MOST_KEPT = 16 * 1024 * 1024
"""Bytes: of one piece, and of all that is free at the end of the heap."""


def settle_memory() -> None:
    """Leave what was built at the start out of garbage collection, collect less often, and keep what is freed.

    Python looks for cycles after every 700 new objects; at thousands of messages a second that is a tenth of all CPU,
    and messages make no cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_AFTER, 20, 20)
    _keep_freed()


def _keep_freed() -> None:
    """Let the C library keep large pieces that are freed, such as a request to Kafka and its parts.

    It would give them back to the system at once, and the system make pages of zeros anew for the next request: up to
    a fifteenth of all CPU. Only glibc has these settings; elsewhere nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
        mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT)
