"""The live projection of one read model: from the log into its live table, by as many replicas as there are partitions.

The consumer group only shares out the partitions; where to read from stands in PostgreSQL, with the rows. Whatever goes
wrong, the batch in hand is dropped and read again from the checkpoint: nothing is lost, and nothing is applied twice.

| trouble                                    | what happens                                                           |
|--------------------------------------------|------------------------------------------------------------------------|
| PostgreSQL or Kafka is away                | tried again, 0.5 s to 10 s apart; not ready                            |
| a checkpoint was moved by somebody else    | rolled back; read again from where it stands now                       |
| the live table is of another version       | nothing is applied; not ready; looks again until a rebuild has swapped |
| a record is no fact, or is refused         | dead letter, then the checkpoint moves on                              |
| nearly everything is no fact, or refused   | that partition stops before the record; not ready                      |
| a defect (any other error)                 | logged with its trace, tried again; not ready                          |
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from libs.bus.dead_letter import DeadLetters
from libs.bus.halt import PROBE_SECONDS
from libs.bus.reader import Chunk, GroupReader, KafkaAway, LogTooShort, Partition
from libs.bus.settings import KafkaSettings
from libs.db.checkpoints import CheckpointMoved
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.projection.builds import Build
from libs.projection.engine import Batch, apply
from libs.projection.fold import Folded
from libs.projection.intake import Intake, NewRefusals
from libs.projection.live_build import OtherVersion, is_live, open_live
from libs.projection.model import AnyReadModel
from libs.projection.telling import tell
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import BUS_LAG

log = get_logger()

SHORTEST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Tuning:
    """`batch_records`: the most that one transaction takes, and memory holds, of a log that is far ahead (some 4 KB
    each); near its end a batch is what has just come. `poll_milliseconds`: how long an idle read waits.
    """

    batch_records: int = 20_000
    poll_milliseconds: int = 500


class LiveProjection:
    """Keeps one read model's live table at the end of the log. `consumer` names the dead letters and the group."""

    def __init__(
        self,
        model: AnyReadModel,
        kafka: KafkaSettings,
        database: Database,
        dead_letters: DeadLetters,
        *,
        consumer: str = "projector",
        tuning: Tuning | None = None,
    ) -> None:
        self.model = model
        self._kafka = kafka
        self._database = database
        self._consumer = consumer
        self._tuning = tuning or Tuning()
        self._intake = Intake(model, consumer, dead_letters)
        self._build: Build | None = None
        self._positions: dict[Partition, int] = {}
        self._held: dict[Partition, float] = {}  # stopped before an unreadable record, until then
        self._problem: str | None = "it has not connected yet"
        self._pause = SHORTEST_PAUSE
        self._looked_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Project until `stop`; survives the absence of Kafka and PostgreSQL."""
        while not stop.is_set():
            try:
                await self._session(stop)
            except (KafkaAway, DatabaseAway, OtherVersion, NotMigrated) as error:
                await self._trouble(stop, error)
            except Exception as error:
                log.exception("a defect in the projection; nothing was written", read_model=self.model.name)
                await self._trouble(stop, error)

    async def check(self) -> None:
        """Raise unless facts are being applied (or there are none): for readiness."""
        if self._problem is not None:
            raise RuntimeError(f"the read model {self.model.name} stands still: {self._problem}")
        self._intake.check()

    async def _session(self, stop: asyncio.Event) -> None:
        await open_live(self._database, self.model, set())  # the table is there before its first fact, for its readers
        group = f"{self._consumer}-{self.model.name}"
        reader = GroupReader(self._kafka, group, self.model.topics, max_records=self._tuning.batch_records)
        async with reader:
            while not stop.is_set():
                try:
                    await self._step(reader)
                except CheckpointMoved as error:
                    log.info("read again from the checkpoints", read_model=self.model.name, reason=str(error))
                    reader.unplace()
                    await self._wait(stop, SHORTEST_PAUSE)
                except (DatabaseAway, OtherVersion, LogTooShort) as error:
                    reader.unplace()  # stays in the group: leaving it would only move the trouble to another replica
                    await self._trouble(stop, error)

    async def _step(self, reader: GroupReader) -> None:
        now = time.monotonic()
        if due := {one for one in reader.unplaced() if self._held.get(one, 0) <= now}:
            await self._place(reader, due)
        chunks = await reader.read(self._tuning.poll_milliseconds)
        if chunks:
            await self._apply(chunks)
        if self._intake.blocked:
            # A record that must not go to the dead letters now is read again later; other partitions go on meanwhile.
            reader.unplace(self._intake.blocked)
            self._held |= dict.fromkeys(self._intake.blocked, now + PROBE_SECONDS)
            self._intake.blocked.clear()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            await self._look_after_build()
            self._show_progress(reader)

    async def _place(self, reader: GroupReader, partitions: set[Partition]) -> None:
        build, positions = await open_live(self._database, self.model, partitions)
        extents = await reader.extents(partitions)
        for one, position in positions.items():
            begin, end = extents[one]
            if position > end:
                raise LogTooShort(
                    f"the checkpoint of {one} is {position}, but the log ends at {end}: is this the Kafka that the "
                    f"database was filled from? If its records are really gone, drop read_models.{self.model.name}."
                )
            if position < begin:
                log.error(
                    "records are gone from the log before they were read", partition=str(one), lost=begin - position
                )
        self._build = build
        self._positions.update(positions)
        reader.place({one: max(position, extents[one].begin) for one, position in positions.items()})
        self._well()

    async def _apply(self, chunks: Mapping[Partition, Chunk]) -> None:
        build = self._build
        assert build is not None  # nothing is read before it is placed
        began = time.time_ns()
        batch = await self._intake.sort(chunks, self._positions)
        while batch.moves:
            try:
                folded = await self._write(build, batch)
            except NewRefusals as news:
                # Rolled back before: no lock is held while Kafka takes the dead letters.
                batch = await self._intake.put_aside(news.refused, batch, chunks, self._positions)
                continue
            self._positions.update({one: move.new for one, move in batch.moves.items()})
            self._intake.applied(batch)
            tell(self.model, self._consumer, batch, folded, began)
            self._well()
            return

    async def _write(self, build: Build, batch: Batch) -> Folded[Any]:
        async with self._database.transaction() as connection:
            folded = await apply(connection, self.model, build, batch)
            if folded.refused:
                raise NewRefusals(folded.refused)
            return folded

    async def _look_after_build(self) -> None:
        """The fence notices a swap at the next record; without traffic it is noticed here."""
        if self._build is not None and not await is_live(self._database, self.model, self._build):
            raise CheckpointMoved("another table has taken the live one's place, or it is gone")

    def _show_progress(self, reader: GroupReader) -> None:
        ours = {one: offset for one, offset in self._positions.items() if one in reader.assigned()}
        for one, offset in ours.items():
            if (end := reader.end(one)) is not None:
                BUS_LAG.labels(self._consumer, one.topic, one.number).set(max(0, end - offset))
        reader.show_progress(ours)

    def _well(self) -> None:
        if self._pause > SHORTEST_PAUSE:
            log.info("the projection goes on", read_model=self.model.name)
        self._problem, self._pause = None, SHORTEST_PAUSE

    async def _trouble(self, stop: asyncio.Event, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"
        if text != self._problem:
            log.warning("the projection stands still and tries again", read_model=self.model.name, reason=text)
        self._problem = text
        await self._wait(stop, self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    async def _wait(self, stop: asyncio.Event, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
