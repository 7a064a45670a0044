"""The runners of the projector benchmark behind one small interface."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench import ROOT
from bench.packages import missing, packages
from bench.projector.dataset import Dataset
from bench.projector.table import create_table, difference
from libs.stack.process import GuardedProcess, tail

RUN_SECONDS = 900.0
"""After so long a run is given up."""


@dataclass(frozen=True)
class ProjectorScale:
    """How many events, about how many orders, for the fast; the slow project a bounded subset and are told as rates."""

    full: tuple[int, int]
    naive: tuple[int, int]
    faust: tuple[int, int]
    eventsourcing: tuple[int, int]


@dataclass(frozen=True)
class Run:
    """What a projector is started with: Kafka, an empty database, PostgreSQL's first pid, a name, a folder."""

    bootstrap_servers: str
    database_url: str
    postmaster: int | None
    name: str
    folder: Path
    dataset: Dataset


class ProjectorFailed(Exception):
    """A projector gave no result; the text holds the end of its log."""


class ProjectorPeer(Protocol):
    """Brings a dataset's topic into PostgreSQL."""

    name: str
    title: str
    note: str

    async def skipped(self) -> str | None:
        """Why it cannot run here, or None."""
        ...

    def version(self) -> str: ...

    def dataset(self, scale: ProjectorScale) -> Dataset: ...

    async def project(self, run: Run) -> dict[str, float | None]:
        """Fill the database; answers `wall_s`, `process_cpu_s`, `postgres_cpu_s`, and more of its own.

        The clock runs from when the program is up to when the last row is committed. Raises ProjectorFailed.
        """
        ...

    async def difference(self, run: Run) -> str | None:
        """How the rows differ from the expected final state; None if they do not."""
        ...


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without what would configure a service, and `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "DATABASE_"))}
    return kept | dict(extra)


class PythonPeer:
    """A peer that is a Python program: it measures itself (see `bench.peers.projection`) and ends when it is done."""

    def __init__(self, name: str, title: str, module: str, requires: tuple[str, ...], note: str) -> None:
        self.name = name
        self.title = title
        self.note = note
        self._module = module
        self._requires = requires

    async def skipped(self) -> str | None:
        return missing(*self._requires)

    def version(self) -> str:
        return packages(*self._requires)

    def dataset(self, scale: ProjectorScale) -> Dataset:
        return Dataset(*(getattr(scale, self.name, None) or scale.full))

    async def project(self, run: Run) -> dict[str, float | None]:
        await self.create_table(run)
        result, log = run.folder / f"{run.name}.json", run.folder / f"{run.name}.log"
        for left in (result, log):
            left.unlink(missing_ok=True)
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": run.bootstrap_servers,
            "DATABASE_URL": run.database_url,
            "PEER_TOPIC": run.dataset.topic,
            "PEER_EVENTS": str(run.dataset.events),
            "PEER_ORDERS": str(run.dataset.orders),
            "PEER_POSTMASTER": str(run.postmaster or 0),
            "PEER_RESULT": str(result),
            **await self.environment(run),
        }
        process = await GuardedProcess.start(self._command(), log=log, env=clean_environment(environment), cwd=ROOT)
        deadline = asyncio.get_running_loop().time() + RUN_SECONDS
        try:
            while process.exit_code is None and not result.exists():
                if asyncio.get_running_loop().time() > deadline:
                    break
                await asyncio.sleep(0.1)
        finally:
            await process.stop()
        if not result.exists():
            raise ProjectorFailed(f"{self.title} gave no result; the end of {log}:\n{tail(log)}")
        figures: dict[str, float | None] = json.loads(result.read_text(encoding="utf-8"))
        return figures

    async def difference(self, run: Run) -> str | None:
        return await difference(run.database_url, run.dataset.expected)

    async def create_table(self, run: Run) -> None:
        """Make what the peer fills."""
        await create_table(run.database_url)

    async def environment(self, run: Run) -> dict[str, str]:  # noqa: ARG002 - for peers that need it
        """What this peer is told beyond what all are told."""
        return {}

    def _command(self) -> list[str]:
        return [sys.executable, "-m", self._module]
