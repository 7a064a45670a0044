"""Topics for the benchmarks: made, measured, read whole, removed."""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bench import PARTITIONS

_TIMEOUT = 30.0
_NOT_YET = {
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._UNKNOWN_TOPIC,
}
"""What a broker, or the client, tells while a broker takes over a partition: of a new topic, or after its own start."""


class Topics:
    """An administrator of one Kafka."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 3})

    def create(self, *names: str, partitions: int = PARTITIONS) -> None:
        """Create topics with the cluster's default replication. Raises KafkaException, also where one exists.

        Ends when every partition's leader answers for it: a peer's first requests must not fail for want of one.
        """
        created = self._admin.create_topics([NewTopic(name, partitions, -1) for name in names])
        for future in created.values():
            future.result(_TIMEOUT)
        with closing(_reader(self.bootstrap_servers)) as reader:
            for name in names:
                _bounds(reader, name, range(partitions))

    def delete(self, *names: str) -> None:
        """Delete topics; one that is not there is as good as deleted."""
        for future in self._admin.delete_topics(list(names), operation_timeout=_TIMEOUT).values():
            try:
                future.result(_TIMEOUT)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise

    def with_prefix(self, prefix: str) -> list[str]:
        """The names of the topics that begin so."""
        return [name for name in self._admin.list_topics(timeout=_TIMEOUT).topics if name.startswith(prefix)]

    def records(self, name: str) -> int | None:
        """How many records the topic holds (first to last offset), or None where there is no such topic."""
        found = self._admin.list_topics(timeout=_TIMEOUT).topics.get(name)
        if found is None:
            return None
        with closing(_reader(self.bootstrap_servers)) as reader:
            return sum(high - low for _, low, high in _bounds(reader, name, found.partitions))

    def read(self, name: str, *, batch: int = 2000) -> Iterator[list[Message]]:
        """All records that the topic holds now, in batches, in order within each partition. Raises KafkaException."""
        with closing(_reader(self.bootstrap_servers)) as reader:
            yield from read_batches(reader, name, batch)


def read_batches(reader: Consumer, topic: str, batch: int) -> Iterator[list[Message]]:
    """From the beginning to the present end of every partition. Raises KafkaException."""
    bounds = _bounds(reader, topic, reader.list_topics(topic, timeout=_TIMEOUT).topics[topic].partitions)
    left = sum(high - low for _, low, high in bounds)
    reader.assign([TopicPartition(topic, partition, low) for partition, low, _ in bounds])
    while left > 0:
        # `consume` waits until it has as many as it is asked for, so it must not be asked for more than there are.
        messages = reader.consume(min(batch, left), timeout=_TIMEOUT)
        if not messages:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{topic}: {left} records did not come"))
        for message in messages:
            if (error := message.error()) is not None:
                raise KafkaException(error)
        left -= len(messages)
        yield messages


def _reader(bootstrap_servers: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "log_level": 3,  # errors only
            "group.id": "sellstream-bench-reader",  # required by the client; nothing is committed
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )


def _bounds(reader: Consumer, topic: str, partitions: Iterable[int]) -> list[tuple[int, int, int]]:
    """Number, first offset and end of each partition; waits until each has a leader. Raises KafkaException."""
    deadline = time.monotonic() + _TIMEOUT
    while True:
        try:
            return [
                (one, *reader.get_watermark_offsets(TopicPartition(topic, one), timeout=_TIMEOUT))
                for one in sorted(partitions)
            ]
        except KafkaException as error:
            if error.args[0].code() not in _NOT_YET or time.monotonic() > deadline:
                raise
        time.sleep(0.05)
        reader.list_topics(topic, timeout=_TIMEOUT)  # what the client believes to know would stay as it is
