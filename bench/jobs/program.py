"""What the programs of the job queues have in common: their commands, and how they talk with the harness.

`setup` makes the tables. `enqueue N` gives N jobs in and prints the seconds. `work CONCURRENCY` prints `ready`, waits
for a line, works until the queue is empty, and prints the numbers of the jobs that it did.
"""

import asyncio
import json
import logging
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import uvloop

BATCH = 1000
"""Jobs given in at once."""

Give = Callable[[list[int]], Awaitable[Any]]
Drain = Callable[[], Awaitable[None]]


class Program(ABC):
    """One job queue, used as its documentation says. `url` is that of an empty PostgreSQL database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.done: list[int] = []

    @abstractmethod
    async def setup(self) -> None:
        """Make the tables."""

    @abstractmethod
    @asynccontextmanager
    async def giving(self) -> AsyncIterator[Give]:
        """How to give in a batch of jobs with these numbers."""
        yield  # type: ignore[misc]  # it makes the method a generator

    @abstractmethod
    @asynccontextmanager
    async def draining(self, concurrency: int) -> AsyncIterator[Drain]:
        """How to work until the queue is empty; each job appends its number to `done`."""
        yield  # type: ignore[misc]  # as above

    async def enqueue(self, jobs: int) -> None:
        async with self.giving() as give:
            began = time.perf_counter()
            for first in range(0, jobs, BATCH):
                await give(list(range(first, min(first + BATCH, jobs))))
            print(json.dumps({"wall_s": time.perf_counter() - began}), flush=True)

    async def work(self, concurrency: int) -> None:
        async with self.draining(concurrency) as drain:
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            await drain()
            print(json.dumps({"done": self.done}), flush=True)


def main(name: str, command: str, number: str = "0") -> None:
    """The command line: `python -m bench.jobs.program NAME setup|enqueue|work [N]`."""
    logging.disable(logging.INFO)
    program: Program = import_module(f"bench.jobs.{name}").PROGRAM(os.environ["DATABASE_URL"])
    match command:
        case "setup":
            uvloop.run(program.setup())
        case "enqueue":
            uvloop.run(program.enqueue(int(number)))
        case "work":
            uvloop.run(program.work(int(number)))
        case wrong:
            sys.exit(f"setup, enqueue or work, not {wrong}")


if __name__ == "__main__":
    main(*sys.argv[1:])
