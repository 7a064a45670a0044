"""What is freed stays the process's own: the next batch does not fault its pages in again."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
from resource import RUSAGE_SELF, getrusage
from libs.memory import settle_memory

def faults():
    before = getrusage(RUSAGE_SELF).ru_minflt
    for _ in range(20):
        [bytes(1_000_000) for _ in range(8)]
    return getrusage(RUSAGE_SELF).ru_minflt - before

unsettled = faults()
settle_memory()
faults()
print(unsettled, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
def test_batches_that_come_and_go_cost_no_page_faults() -> None:
    told = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    unsettled, settled = map(int, told.stdout.split())
    assert settled * 20 < unsettled
