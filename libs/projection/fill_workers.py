"""Filling a build's partitions by several processes, because one Python process uses one processor."""

import asyncio
import pickle
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from libs.bus.reader import Partition
from libs.db.errors import DatabaseAway
from libs.projection import fill_worker
from libs.projection.fill_worker import DONE, FAILED, LENGTH_BYTES, Job
from libs.projection.progress import Progress
from libs.telemetry.log import get_logger

log = get_logger()


def shares(partitions: Mapping[Partition, int], processes: int) -> list[dict[Partition, int]]:
    """The partitions spread over so many processes, the largest first and always to the one that has the least."""
    made: list[dict[Partition, int]] = [{} for _ in range(processes)]
    for partition, end in sorted(partitions.items(), key=lambda one: (-one[1], one[0])):
        min(made, key=lambda share: sum(share.values()))[partition] = end
    return [share for share in made if share]


@asynccontextmanager
async def working(jobs: list[Job], progress: Progress) -> AsyncIterator[None]:
    """Do the jobs, each in a process of its own, beside the body. They are done, or ended, when it is left.

    Raises DatabaseAway. A worker that was killed is told in the log; what it had not committed is left undone.
    """
    tasks = [asyncio.create_task(_run(job, progress)) for job in jobs]
    try:
        await asyncio.sleep(0)  # they start now, not when the body first waits
        yield
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def _run(job: Job, progress: Progress) -> None:
    data = pickle.dumps(job)
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        fill_worker.__name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        with suppress(ConnectionError):  # it is gone already: its end tells
            worker.stdin.write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
            await worker.stdin.drain()
        last = ""
        async for line in worker.stdout:
            last = line.decode().strip()
            if last.isdecimal():
                progress.advance(int(last))
        code = await worker.wait()
    finally:
        worker.stdin.close()
        if worker.returncode is None:
            with suppress(ProcessLookupError):
                worker.kill()
            await worker.wait()
    if last.startswith(FAILED):
        raise DatabaseAway(last.removeprefix(FAILED))
    if last != DONE:
        partitions = ", ".join(map(str, job.partitions))
        log.warning("a process that filled partitions has ended early", code=code, partitions=partitions)
