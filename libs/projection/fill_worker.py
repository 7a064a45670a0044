"""A process that fills some partitions of a build for the one that it was forked from.

Forked, because a new interpreter's imports take as long as a tenth of a million records. What it has of its parent's
(event loop, connections, threads that are not there) it never touches: it makes its own, and ends without taking
anything apart. It writes to `output`: a number for each piece of progress; at the end `done`, or `failed <why>`. When
its parent is gone, however it went, it ends at once; what was not committed by then is rolled back.
"""

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import parent_process
from typing import NoReturn

from libs.bus.reader import Partition
from libs.db.errors import DatabaseAway
from libs.db.pool import Database
from libs.projection.builds import Build
from libs.projection.catch_up import Source
from libs.projection.fill_partition import fill_partition
from libs.projection.model import AnyReadModel

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


def work(job: Job, output: int) -> NoReturn:
    """Fill the partitions of the job, and tell it to a file descriptor."""
    gc.disable()  # nothing of the parent's may be taken apart here, and its own facts hold no circles
    signal.set_wakeup_fd(-1)  # the parent's loop is woken by the parent's signals alone
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both processes; the other one ends this one
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()

    def tell(told: object) -> None:
        os.write(output, f"{told}\n".encode())

    try:
        asyncio.run(_work(job, tell))
    except DatabaseAway as error:
        tell(FAILED + " ".join(str(error).split()))
        os._exit(1)
    tell(DONE)
    os._exit(0)


async def _work(job: Job, advance: Callable[[int], None]) -> None:
    async with Database(job.database_url, application=job.application, most=1) as database:
        for partition, end in job.partitions.items():
            await fill_partition(job.model, job.build, job.source, database.transaction, partition, end, advance)


def _end_with_the_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
