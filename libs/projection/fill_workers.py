"""Filling a build's partitions by several processes, because one Python process uses one processor."""

import asyncio
import multiprocessing
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager

from libs.bus.reader import Partition
from libs.db.errors import DatabaseAway
from libs.projection.fill_worker import DONE, FAILED, Job, work
from libs.projection.progress import Progress
from libs.telemetry.log import get_logger

log = get_logger()

_FORK = multiprocessing.get_context("fork")


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
    reading, writing = os.pipe()
    worker = _FORK.Process(target=work, args=(job, writing), name=f"fill {job.model.name}", daemon=True)
    worker.start()
    os.close(writing)
    last = ""
    try:
        async with aclosing(_lines(reading)) as lines:
            async for last in lines:
                if last.isdecimal():
                    progress.advance(int(last))
    finally:
        worker.kill()  # what has come to its end is not changed by this
        worker.join()
    if last.startswith(FAILED):
        raise DatabaseAway(last.removeprefix(FAILED))
    if last != DONE:
        partitions = ", ".join(map(str, job.partitions))
        log.warning("a process that filled partitions has ended early", code=worker.exitcode, partitions=partitions)


async def _lines(pipe: int) -> AsyncGenerator[str, None]:
    """The lines that come out of a pipe, until nobody holds its other end."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb")
    )
    try:
        async for line in reader:
            yield line.decode().strip()
    finally:
        transport.close()
