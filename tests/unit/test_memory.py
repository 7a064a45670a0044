"""Freed memory is kept: what a request to Kafka takes again and again is not fetched from the system each time."""

import ctypes
import subprocess
import sys

import pytest

_ROUNDS = """
import resource
from libs.memory import settle_memory

def fetched(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        pieces = [b"x" * size for size in (1 << 20, 3 << 19, 1 << 21)]
        del pieces
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

settle_memory()
fetched(3)
print(fetched(20))
"""

_PAGES_OF_ONE_ROUND = 1000


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="only glibc keeps memory when told to")
def test_large_pieces_that_are_freed_are_used_again() -> None:
    told = subprocess.run([sys.executable, "-c", _ROUNDS], capture_output=True, check=True, text=True)
    assert int(told.stdout) < _PAGES_OF_ONE_ROUND
