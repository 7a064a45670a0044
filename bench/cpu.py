"""CPU time of processes, with everything they start."""

import time
from collections.abc import Mapping
from contextlib import suppress

import psutil


def tree_cpu_seconds(pid: int) -> float:
    """User and system time of a process, its living descendants, and every descendant that ended and was waited for.

    Source: the kernel's utime, stime, cutime and cstime (proc_pid_stat(5)). A child's time moves to its parent's
    "waited-for" times at its end, so that the difference of two readings misses nothing and counts nothing twice.
    """
    root = psutil.Process(pid)
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


class Stopwatch:
    """Wall time, and the CPU time of named process trees, from `start` to `stop`. All in seconds.

    A tree whose pid is None (a server on another machine) is measured as None.
    """

    def __init__(self, trees: Mapping[str, int | None]) -> None:
        self._trees = dict(trees)
        self._cpu: dict[str, float | None] = {}
        self._begun = 0.0

    def start(self) -> None:
        self._cpu = self._read()
        self._begun = time.perf_counter()

    def stop(self) -> dict[str, float | None]:
        """`{"wall_s": …, "<tree>_cpu_s": …}` since `start`."""
        wall = time.perf_counter() - self._begun
        now = self._read()
        spent: dict[str, float | None] = {"wall_s": wall}
        for name, before in self._cpu.items():
            after = now[name]
            spent[f"{name}_cpu_s"] = None if before is None or after is None else after - before
        return spent

    def _read(self) -> dict[str, float | None]:
        return {name: None if pid is None else tree_cpu_seconds(pid) for name, pid in self._trees.items()}


def listening_process(port: int) -> int | None:
    """The pid of the process on this machine that listens on a TCP port, or None where that cannot be seen."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                return connection.pid
    except psutil.AccessDenied:
        return None
    return None


def rss_bytes(pid: int) -> int:
    """Resident memory of a process and its living descendants."""
    root = psutil.Process(pid)
    total = 0
    for process in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total
