"""What the live projection does with records before the fold: facts into a batch, the rest to its fate."""

from collections.abc import Mapping, Sequence

from libs.bus.dead_letter import DeadLetters
from libs.bus.halt import Halt
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
    """Sorts the records of one read model. A dead letter is durable before the checkpoint moves past its record."""

    def __init__(self, model: AnyReadModel, consumer: str, dead_letters: DeadLetters, halt: Halt) -> None:
        self._model = model
        self._consumer = consumer
        self._dead_letters = dead_letters
        self._halt = halt
        self._aside: set[tuple[Partition, int]] = (
            set()
        )  # in the dead letters, but the checkpoint has not moved past them yet
        self.blocked: set[Partition] = set()

    async def sort(self, chunks: Mapping[Partition, Chunk], positions: Mapping[Partition, int]) -> Batch:
        """The batch that the chunks make from the positions on. `blocked`: those that stop within their chunk."""
        batch = Batch()
        self.blocked.clear()
        for partition, chunk in chunks.items():
            old = positions[partition]
            new, records, skipped = old, 0, 0
            for record in chunk.records:
                if record.offset < old:
                    continue
                located = locate(record, partition.topic, self._consumer, self._model.quick)
                if isinstance(located, Unreadable):
                    if not await self._put(partition, record, located.error, located.error_class):
                        self.blocked.add(partition)
                        break
                    skipped += 1
                elif located is not None:
                    self._halt.note(failed=False)
                    batch.facts.append(located)
                new, records = record.offset + 1, records + 1
            else:
                new = max(new, chunk.next_offset)
            if new > old:
                batch.moves[partition] = Move(old, new, records, skipped)
        return batch

    def require_known(self, refused: Sequence[tuple[Located, Refused]]) -> None:
        """Raise NewRefusals unless all of these are in the dead letters."""
        fresh = [one for one in refused if (_partition(one[0]), one[0].position.offset) not in self._aside]
        if fresh:
            raise NewRefusals(fresh)

    async def put_aside(self, refused: Sequence[tuple[Located, Refused]], batch: Batch) -> None:
        """Put refused facts into the dead letters, and count them as skipped."""
        for located, error in refused:
            partition = _partition(located)
            await self._put(partition, located.record, error, ErrorClass.POISON)
            move = batch.moves[partition]
            batch.moves[partition] = Move(move.old, move.new, move.records, move.skipped + 1)

    def applied(self, batch: Batch) -> None:
        """The checkpoints have moved: what lies behind them will not be seen again."""
        for partition, move in batch.moves.items():
            self._aside = {one for one in self._aside if one[0] != partition or one[1] >= move.new}

    async def _put(self, partition: Partition, record: Record, error: Exception, error_class: ErrorClass) -> bool:
        place = (partition, record.offset)
        if place in self._aside:
            return True
        if self._halt.halted:
            return False
        group = f"{self._consumer}-{self._model.name}"
        await self._dead_letters.put(record, error=error, error_class=error_class, attempts=1, group=group)
        self._halt.note(failed=True)
        self._aside.add(place)
        return True


def _partition(located: Located) -> Partition:
    return Partition(located.position.topic, located.position.partition)
