"""What a worker has at work, so that all of it can be ended before its partitions are another's."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class AtWork:
    """Tasks that write. `over` is set when they were ended: nothing begins after that."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self.over = asyncio.Event()

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Its task; cancelled before its first step when all is over."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.over.is_set():
            task.cancel()
        return task

    async def end(self) -> None:
        """End all where it stands, as a kill would; return when nothing is at work any more."""
        self.over.set()
        while tasks := set(self._tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
