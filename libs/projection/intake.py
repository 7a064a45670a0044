"""What the live projection does with records before the fold: facts into a batch, the rest to its fate."""

from collections.abc import Mapping, Sequence

from libs.bus.dead_letter import DeadLetters
from libs.bus.halt import WINDOW, Halt
from libs.bus.message import Record
from libs.bus.outcome import ErrorClass
from libs.bus.reader import Chunk, Partition
from libs.db.checkpoints import Move
from libs.projection.engine import Batch
from libs.projection.model import AnyReadModel, Refused
from libs.projection.record import Located, Unreadable, locate


class NewRefusals(Exception):
    """The read model refuses facts that are not in the dead letters yet."""

    def __init__(self, refused: Sequence[tuple[Located, Refused]]) -> None:
        super().__init__(f"{len(refused)} facts are refused")
        self.refused = refused


class Intake:
    """Sorts the records of one read model. A dead letter is durable before the checkpoint moves past its record.

    What cannot be read is found before the fold, what is refused by it: each of the two halts on its own, for a refused
    fact could be read.
    """

    def __init__(self, model: AnyReadModel, consumer: str, dead_letters: DeadLetters) -> None:
        self._model = model
        self._dead_letters = dead_letters
        self._consumer = consumer
        self._group = f"{consumer}-{model.name}"
        self._reading = Halt(self._group)
        self._folding = Halt(f"{self._group}-fold")
        # In the dead letters, but the checkpoint has not moved past them yet.
        self._aside: set[tuple[Partition, int]] = set()
        self._stops: dict[Partition, int] = {}  # a refused fact that must not go to the dead letters now
        self.blocked: set[Partition] = set()

    def check(self) -> None:
        """Raise Halted while nearly everything fails: for readiness."""
        self._reading.check()
        self._folding.check()

    async def sort(self, chunks: Mapping[Partition, Chunk], positions: Mapping[Partition, int]) -> Batch:
        """The batch that the chunks make from the positions on. `blocked`: those that stop within their chunk."""
        self._stops.clear()
        return await self._sort(chunks, positions)

    async def put_aside(
        self,
        refused: Sequence[tuple[Located, Refused]],
        batch: Batch,
        chunks: Mapping[Partition, Chunk],
        positions: Mapping[Partition, int],
    ) -> Batch:
        """Put refused facts into the dead letters, as far as more of them may go there; the batch without them."""
        errors = {_place(located): error for located, error in refused}
        for located in batch.facts:
            partition, offset = _place(located)
            error = errors.get((partition, offset))
            if error is None:
                self._folding.note(failed=False)
            elif partition not in self._stops and not await self._put(
                partition, located.record, error, ErrorClass.POISON, self._folding
            ):
                self._stops[partition] = offset
        return await self._sort(chunks, positions)

    def applied(self, batch: Batch) -> None:
        """The checkpoints have moved: what lies behind them will not be seen again."""
        for partition, move in batch.moves.items():
            self._aside = {one for one in self._aside if one[0] != partition or one[1] >= move.new}
        if not self._stops:
            for _ in batch.facts[:WINDOW]:
                self._folding.note(failed=False)

    async def _sort(self, chunks: Mapping[Partition, Chunk], positions: Mapping[Partition, int]) -> Batch:
        batch = Batch()
        self.blocked.clear()
        for partition, chunk in chunks.items():
            old = positions[partition]
            stop = self._stops.get(partition)
            new, records, skipped = old, 0, 0
            for record in chunk.records:
                if record.offset < old:
                    continue
                if record.offset == stop:
                    self.blocked.add(partition)
                    break
                if (partition, record.offset) in self._aside:
                    skipped += 1
                else:
                    located = locate(record, partition.topic, self._consumer, self._model.quick)
                    if isinstance(located, Unreadable):
                        if not await self._put(partition, record, located.error, located.error_class, self._reading):
                            self.blocked.add(partition)
                            break
                        skipped += 1
                    elif located is not None:
                        self._reading.note(failed=False)
                        batch.facts.append(located)
                new, records = record.offset + 1, records + 1
            else:
                new = max(new, chunk.next_offset)
            if new > old:
                batch.moves[partition] = Move(old, new, records, skipped)
        return batch

    async def _put(
        self, partition: Partition, record: Record, error: Exception, error_class: ErrorClass, halt: Halt
    ) -> bool:
        """Whether the record is in the dead letters now; not while halted."""
        if halt.halted:
            return False
        await self._dead_letters.put(record, error=error, error_class=error_class, attempts=1, group=self._group)
        halt.note(failed=True)
        self._aside.add((partition, record.offset))
        return True


def _place(located: Located) -> tuple[Partition, int]:
    position = located.position
    return Partition(position.topic, position.partition), position.offset
