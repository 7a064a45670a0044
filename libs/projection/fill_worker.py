"""`python -m libs.projection.fill_worker`: a process that fills some partitions of a build for another process.

Standard input: the length of a pickled Job (8 bytes), the Job, and then nothing until its end: when the process that
started this one is gone, however it went, the input ends, and so does this process, at once. What was not committed by
then is rolled back. Standard output: a number for each piece of progress; at the end `done`, or `failed <why>`.
"""

import gc
import sys

if __name__ == "__main__":  # before all the other imports
    gc.disable()  # to look through them for circles would take an eighth of their time
    sys.modules["rich"] = None  # type: ignore[assignment]  # structlog's colours for tracebacks: another eighth

import asyncio
import os
import pickle
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass

from libs.bus.reader import Partition
from libs.db.errors import DatabaseAway
from libs.db.pool import Database
from libs.projection.builds import Build
from libs.projection.catch_up import Source
from libs.projection.fill_partition import fill_partition, without_garbage_collection
from libs.projection.model import AnyReadModel

LENGTH_BYTES = 8
DONE = "done"
FAILED = "failed "


@dataclass(frozen=True)
class Job:
    """What a worker shall do. `partitions`: where each of them ends, in the order in which they are filled."""

    model: AnyReadModel
    build: Build
    source: Source
    database_url: str
    application: str
    partitions: dict[Partition, int]


def main() -> None:
    """Fill the partitions of the job that stands on the standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both processes; the other one ends this one
    output = os.dup(1)
    os.dup2(2, 1)  # whatever prints (logs) must not get between the lines
    # A pickle of our own parent process, over a pipe that nobody else has.
    job: Job = pickle.loads(_read(int.from_bytes(_read(LENGTH_BYTES), "big")))  # noqa: S301
    threading.Thread(target=_end_with_the_parent, daemon=True).start()

    def tell(told: object) -> None:
        os.write(output, f"{told}\n".encode())

    try:
        asyncio.run(_work(job, tell))
    except DatabaseAway as error:
        tell(FAILED + " ".join(str(error).split()))
        sys.exit(1)
    tell(DONE)
    os._exit(0)  # everything is committed and closed: what is left would only be taken apart object by object


async def _work(job: Job, advance: Callable[[int], None]) -> None:
    async with Database(job.database_url, application=job.application, most=1) as database:
        with without_garbage_collection():
            for partition, end in job.partitions.items():
                await fill_partition(job.model, job.build, job.source, database.transaction, partition, end, advance)


def _read(length: int) -> bytes:
    found = b""
    while len(found) < length:
        piece = os.read(0, length - len(found))
        if not piece:
            sys.exit("the standard input ended within the job")
        found += piece
    return found


def _end_with_the_parent() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
