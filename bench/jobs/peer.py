"""The job queues of the benchmark: programs of their own (`bench.jobs.program`), in the order of the report."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import ROOT
from bench.packages import missing, packages
from bench.projector.peer import clean_environment

RUN_SECONDS = 600.0
"""After so long a run is given up."""

_LINE_BYTES = 64 * 2**20


class QueueFailed(Exception):
    """A program gave no result; the text holds the end of what it said."""


@dataclass(frozen=True)
class QueuePeer:
    """One job queue. `share`: of the jobs, for those that are slower by far; their figures are rates."""

    name: str
    title: str
    requires: tuple[str, ...]
    note: str = ""
    share: float = 1.0

    def skipped(self) -> str | None:
        """Why it cannot run here, or None."""
        return missing(*self.requires)

    def version(self) -> str:
        return packages(*self.requires)

    @asynccontextmanager
    async def started(self, url: str, log: Path, *command: str) -> AsyncIterator["Running"]:
        """The program with a command, ended with the block."""
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bench.jobs.program", self.name, *command),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=clean_environment({"DATABASE_URL": url, "PYTHONPATH": os.pathsep.join([str(ROOT)])}),
                cwd=ROOT,
                limit=_LINE_BYTES,
            )
        try:
            yield Running(self.title, process, log)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@dataclass(frozen=True)
class Running:
    """A program that runs; it answers by lines."""

    title: str
    process: asyncio.subprocess.Process
    log: Path

    async def line(self) -> str:
        """Its next line. Raises QueueFailed when it ends, or says nothing for too long."""
        if self.process.stdout is None:
            raise RuntimeError("the program was started without a pipe")
        try:
            async with asyncio.timeout(RUN_SECONDS):
                line = await self.process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            said = self.log.read_text(encoding="utf-8", errors="replace")[-1500:]
            raise QueueFailed(f"{self.title} gave no answer; the end of {self.log}:\n{said}")
        return line.decode()

    async def answer(self) -> Any:
        return json.loads(await self.line())

    async def ended(self) -> None:
        """Wait for its end. Raises QueueFailed when it is not a good one."""
        if await self.process.wait():
            await self.line()

    def go(self) -> None:
        if self.process.stdin is None:
            raise RuntimeError("the program was started without a pipe")
        self.process.stdin.write(b"go\n")


def queue_peers() -> list[QueuePeer]:
    return [
        QueuePeer("ours", "sellstream libs/jobs", ("sellstream", "asyncpg")),
        QueuePeer("pgqueuer", "pgqueuer, batches of 200", ("pgqueuer", "asyncpg")),
        QueuePeer(
            "procrastinate",
            "procrastinate, psycopg 3",
            ("procrastinate", "psycopg"),
            "a bounded subset",
            share=0.1,
        ),
    ]
