"""Which offsets a consumer may commit, and the lag that follows from them."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from libs.bus.progress import Progress
from libs.bus.settings import KafkaSettings
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import BUS_LAG

log = get_logger()

_POSITION_SECONDS = 1.0


class Offsets:
    """The progress of the partitions that a consumer has in hand."""

    def __init__(self, consumer: str, settings: KafkaSettings) -> None:
        self._consumer = consumer
        self._settings = settings
        self._progress: dict[TopicPartition, Progress] = {}
        self._shown: set[TopicPartition] = set()
        self.read: dict[TopicPartition, int] = {}
        """The offset behind the last record that was handed out, of each partition that gave any."""

    def begin(self, partition: TopicPartition, offset: int) -> Progress:
        """A record was taken in."""
        progress = self._progress.get(partition)
        if progress is None:
            progress = self._progress[partition] = Progress(offset)
        progress.begin(offset)
        return progress

    def forget(self) -> None:
        """The partitions are given away: whoever gets them begins at what is committed."""
        self._progress.clear()
        self.read.clear()
        for partition in self._shown:
            BUS_LAG.remove(self._consumer, self._settings.logical(partition.topic), partition.partition)
        self._shown.clear()

    async def commit(self, client: AIOKafkaConsumer) -> None:
        """Commit what is done; where that fails, the next time commits it too."""
        ours = client.assignment()
        await self._show_lag(client, ours)
        positions = {
            partition: progress.position
            for partition, progress in self._progress.items()
            if progress.position > progress.committed and partition in ours
        }
        if not positions:
            return
        try:
            await client.commit(positions)
        except (CommitFailedError, IllegalStateError) as error:
            # A rebalance came between: the partition's new owner reads those records again, which is harmless.
            log.info("offsets not committed", consumer=self._consumer, error=str(error))
        except KafkaError as error:
            log.warning("offsets not committed; trying again", consumer=self._consumer, error=str(error))
        else:
            for partition, position in positions.items():
                if partition in self._progress:  # it may have been given away meanwhile
                    self._progress[partition].committed = position

    async def _show_lag(self, client: AIOKafkaConsumer, ours: set[TopicPartition]) -> None:
        for partition, progress in list(self._progress.items()):
            # Read committed: behind the last stable offset there is nothing for us yet.
            end = client.last_stable_offset(partition) if partition in ours else None
            if end is None:
                continue
            behind = end - progress.position
            if behind > 0 and not progress.open:
                behind = end - await _position(client, partition)  # the rest may be marks of transactions, not records
            self._shown.add(partition)
            topic = self._settings.logical(partition.topic)
            BUS_LAG.labels(self._consumer, topic, partition.partition).set(max(0, behind))


async def _position(client: AIOKafkaConsumer, partition: TopicPartition) -> int:
    """Where the client reads next: for display alone, because it may have passed records that nobody has seen."""
    try:
        async with asyncio.timeout(_POSITION_SECONDS):
            position: int = await client.position(partition)
    except (TimeoutError, IllegalStateError):
        return 0
    return position
