"""Carrying out commands, one PostgreSQL transaction each: decide under lock, publish, apply, commit.

| what fails                         | what then is true                                                            |
|------------------------------------|------------------------------------------------------------------------------|
| anything before the publishing     | nothing happened                                                             |
| the publishing                     | rolled back; a record that is in the log all the same, the projector applies |
| the process, behind the publishing | rolled back by PostgreSQL; the projector applies the facts from the log      |
| the locks, before the publishing   | the log tells which of two facts counts: the one with the other in its basis  |
| the commit                         | one or the other; the projector applies what is not there                    |
| the answer's way to the caller     | carried out; under its Idempotency-Key the request is told the same answer   |

Topics whose facts commands decide should be written by commands alone: a fact of another producer makes commands on its
partition wait until the projector has applied it. A command with facts of several keys is whole: what is cut off amid
the publishing is finished by whoever comes next (libs/commands/batches.py).
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Generic, Self
from uuid import UUID, uuid4

from libs.bus.publisher import NotPublished, Publisher
from libs.bus.reader import KafkaAway
from libs.bus.settings import KafkaSettings
from libs.commands.batches import Batches
from libs.commands.command import Command, Effect, Json, T, Work
from libs.commands.errors import BatchOpen, IdTaken, Overtaken, ReadModelBehind
from libs.commands.history import meant, took_effect
from libs.commands.live_builds import LiveBuilds
from libs.commands.locked import Locked
from libs.commands.publishing import Ready, apply, prepare, publish
from libs.commands.requests import Meant, Request, Requests
from libs.db.checkpoints import CheckpointMoved
from libs.db.errors import DatabaseAway, NotMigrated, lacks_a_table
from libs.db.pool import Connection, Database
from libs.projection.live_build import OtherVersion
from libs.projection.model import AnyReadModel
from libs.telemetry.log import get_logger
from schemas.envelope import Envelope

log = get_logger()

SHORTEST_PAUSE = 0.05
LONGEST_PAUSE = 1.0
BATCHES_SECONDS = 5.0
_MOST_SWAPS = 5
_LARGEST_STEP = 2**40


@dataclass(frozen=True)
class _Attempt(Generic[T]):
    """What an attempt was about to do when it published: should its commit be lost, the log tells whether it did."""

    answer: T
    ids: tuple[int, ...]
    facts: tuple[Meant, ...]
    effects: tuple[Effect, ...]

    async def affect(self, connection: Connection) -> None:
        for effect in self.effects:
            await effect(connection)


class Commands:
    """Carries out commands: `async with Commands(database, kafka, publisher, "catalog", READ_MODELS) as commands`.

    `service` becomes the facts' source. The publisher needs a `seal` where facts say whose they
    are. `models` are all read models by name. `patience` is how many seconds a command
    waits for a projector that is behind.
    """

    def __init__(
        self,
        database: Database,
        kafka: KafkaSettings,
        publisher: Publisher,
        service: str,
        models: Mapping[str, AnyReadModel],
        *,
        patience: float = 5.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._kafka = kafka
        self._publisher = publisher
        self._source = f"/sellstream/{service}"
        self._models = models
        self._patience = patience
        self._now = now
        # A command in a transaction must never wait for a connection that only another such command can give back.
        self._aside = Database(database.url, application=f"{service} commands", most=2)
        self._builds = LiveBuilds(self._aside)
        self._requests = Requests(self._aside)
        self._batches = Batches(self._aside, kafka, publisher, self._builds, models)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._aside)
        finishing = asyncio.create_task(self._finish_old(), name="unfinished batches of commands")
        self._stack.push_async_callback(_cancelled, finishing)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def run(self, work: Work[T], *, cause: Envelope | None = None) -> T:
        """Carry out a command and return the work's answer. Raises what the work raises, and see libs.commands.errors.

        `cause` is the message that led to it. The work may be called several times, each in a new transaction.
        """
        identity = uuid4()
        last: _Attempt[T] | None = None

        async def attempt() -> T:
            nonlocal last
            async with self._database.transaction() as connection:
                command = self._command(connection, last.ids if last else ())
                if last is not None and await took_effect(last.facts, command, self._models, self._kafka):
                    await last.affect(connection)
                    return last.answer
                answer = await work(command)
                ready = await self._prepared(command, identity, cause)
                last = _Attempt(answer, tuple(command.ids), meant(ready, command), tuple(command.effects))
                await self._carry_out(connection, command, ready)
                await last.affect(connection)
            return answer

        return await self._patiently(attempt)

    async def run_once(self, request: Request, work: Work[Json], *, cause: Envelope | None = None) -> tuple[Json, bool]:
        """Carry out a request at most once, however often it comes; return its answer, and whether it is an old one.

        Raises OtherRequest too. Requests are remembered for KEPT_DAYS. Effects of the work on other tables are refused:
        they would be lost where only the facts of an attempt are left.
        """

        async def attempt() -> tuple[Json, bool]:
            async with self._database.transaction() as connection:
                stored = await self._requests.take(connection, request)
                if stored.answered:
                    return stored.answer, True
                command = self._command(connection, stored.ids)
                if stored.facts and await took_effect(stored.facts, command, self._models, self._kafka):
                    await self._requests.answered(connection, request, stored.identity, stored.intended)
                    return stored.intended, True
                answer = await work(command)
                if command.effects:
                    raise RuntimeError("a repeatable request may have no effects besides its facts")
                ready = await self._prepared(command, stored.identity, cause)
                if ready:
                    facts = meant(ready, command)
                    await self._requests.intend(request, stored.identity, command.ids, facts, answer)
                await self._carry_out(connection, command, ready)
                await self._requests.answered(connection, request, stored.identity, answer)
            return answer, False

        return await self._patiently(attempt)

    def _command(self, connection: Connection, ids: Collection[int]) -> Command:
        return Command(connection, Locked(connection, self._builds, self._publisher), ids)

    async def _prepared(self, command: Command, identity: UUID, cause: Envelope | None) -> list[Ready]:
        recorded = command.recorded.values()
        return await prepare(recorded, self._publisher, command.locked, identity, self._source, cause, self._now())

    async def _carry_out(self, connection: Connection, command: Command, ready: list[Ready]) -> None:
        if not ready:
            return
        batch = await self._batches.open(ready, command) if len(ready) > 1 else None
        offsets = await publish(ready, self._publisher)
        await apply(connection, ready, offsets, command.locked)
        if batch is not None:
            await self._batches.close(connection, batch)

    async def _patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try again what passes soon: a swap that came between, numbers that are taken, a projector that is behind."""
        swaps, step = 0, 1
        pause = SHORTEST_PAUSE
        end = asyncio.get_running_loop().time() + self._patience
        unfinished: UUID | None = None
        while True:
            try:
                if unfinished is not None:
                    await self._finish(unfinished)
                    unfinished = None
                return await attempt()
            except BatchOpen as found:
                unfinished = found.number
            except CheckpointMoved:
                self._builds.forget()
                swaps += 1
                if swaps > _MOST_SWAPS:
                    raise
            except IdTaken as taken:
                await self._move_on(taken.sequence, step)
                step = min(step * 2, _LARGEST_STEP)
            except Overtaken as overtaken:
                log.warning("a command was overtaken; it looks at what the log says", reason=str(overtaken))
            except ReadModelBehind as behind:
                if asyncio.get_running_loop().time() + pause > end:
                    raise
                log.info("a command waits for the projector", reason=str(behind))
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            except Exception as error:
                if lacks_a_table(error):
                    self._builds.forget()  # somebody dropped the live table: the next command makes it again
                raise

    async def _finish(self, batch: UUID) -> None:
        async with self._database.transaction() as connection:
            await self._batches.finish(connection, batch)

    async def _finish_old(self) -> None:
        """Now and then finish what nobody comes across."""
        while True:
            try:
                for batch in await self._batches.old():
                    await self._patiently(partial(self._finish, batch))
            except (DatabaseAway, NotMigrated, KafkaAway, NotPublished, ReadModelBehind, OtherVersion) as error:
                log.warning("unfinished batches wait", reason=f"{type(error).__name__}: {error}")
            await asyncio.sleep(BATCHES_SECONDS)

    async def _move_on(self, sequence: str, step: int) -> None:
        log.warning("a sequence is behind the log; it moves on", sequence=sequence, step=step)
        async with self._aside.connection() as connection:
            await connection.execute(
                "SELECT setval($1::text::regclass, nextval($1::text::regclass) + $2)", f"commands.{sequence}", step
            )


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait({task})
