"""Writing whole batches to the partitions of one topic, each once: Kafka's own idempotent protocol, without a producer.

A client library's producer does for each batch what is done here for all of them together: that was a third of what a
webhook cost. Connections and metadata are the library's. Each partition has a producer id of
its own, so that a broken sequence is one partition's matter.
Protocol: https://kafka.apache.org/protocol#The_Messages_Produce, KIP-98 (idempotent producer).
"""

from collections.abc import Mapping

from aiokafka import AIOKafkaClient, AIOKafkaProducer
from aiokafka.errors import (
    DuplicateSequenceNumber,
    KafkaError,
    LeaderNotAvailableError,
    RequestTimedOutError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.structs import TopicPartition

from libs.bus.batch_writer import BatchWriter
from libs.bus.produce_wire import Produce, codes_of
from libs.bus.publisher import Publisher

_TIMEOUT_MS = 30_000
_SEQUENCES = 2**31

_WRONG_TIME = 32
_NOT_TAKEN = {10: "too large", 18: "too large", _WRONG_TIME: "its time is too far from the broker's", 87: "not valid"}
"""Codes by which a broker says that it does not take what a batch holds: it has written nothing of it."""

Outcomes = dict[int, Exception | None]
"""By partition: None where a batch is durable, else why that is not known (`again` tells what to do)."""


class _Session:
    """A producer id for one partition, and the number of the next record under it."""

    def __init__(self, producer_id: int, epoch: int) -> None:
        self.producer_id = producer_id
        self.epoch = epoch
        self.sequence = 0

    def number(self, batch: BatchWriter) -> None:
        batch.number(self.producer_id, self.epoch, self.sequence)
        self.sequence = (self.sequence + batch.count) % _SEQUENCES


class Partitions:
    """The partitions of a topic, as they are written to: with acks=all, and one batch of each at a time."""

    def __init__(self, publisher: Publisher, topic: str) -> None:
        self._publisher = publisher
        self._topic = publisher.topic(topic)
        self._sessions: dict[int, _Session] = {}

    def leader(self, partition: int) -> int | None:
        """The broker that leads a partition now, None where that is not known yet."""
        producer = self._publisher.connected
        if producer is None:
            return None
        leader: int | None = producer.client.cluster.leader_for_partition(TopicPartition(self._topic, partition))
        return None if leader == -1 else leader

    async def write(self, leader: int | None, batches: Mapping[int, BatchWriter]) -> Outcomes:
        """Write batches, by partition, to the broker that leads these; tells of each how it ended.

        Raises NotPublished where there is no connection, and never was one.
        """
        producer = await self._publisher.producer()
        client = producer.client
        try:
            if leader is None:
                return await self._missing(producer, batches)
            for partition, batch in batches.items():
                if not batch.numbered:
                    session = self._sessions.get(partition)
                    if session is None:
                        session = self._sessions[partition] = await self._begin(client, leader)
                    session.number(batch)
            content = [(partition, batch.build()) for partition, batch in batches.items()]
            codes = codes_of(await client.send(leader, Produce(self._topic, content)))
        except KafkaError as error:
            return dict.fromkeys(batches, error)
        outcomes: Outcomes = dict.fromkeys(batches, RequestTimedOutError("not spoken of"))
        for partition, code in codes:
            kind = for_code(code) if code else None
            if code in _NOT_TAKEN:
                outcomes[partition] = NotTaken(_NOT_TAKEN[code], of_time=code == _WRONG_TIME)
            else:
                outcomes[partition] = None if kind is None or kind is DuplicateSequenceNumber else kind()
        return outcomes

    def give_up(self, partition: int) -> None:
        """A batch is not written again: its numbers are lost, and the next batch begins with new ones."""
        self._sessions.pop(partition, None)

    async def refresh(self) -> None:
        """Ask anew who leads what."""
        await (await self._publisher.producer()).client.force_metadata_update()

    async def _missing(self, producer: AIOKafkaProducer, batches: Mapping[int, BatchWriter]) -> Outcomes:
        try:
            there = await producer.partitions_for(self._topic)
        except UnknownTopicOrPartitionError:
            there = set()
        return {
            partition: LeaderNotAvailableError() if partition in there else NoSuchPartition(self._topic, partition)
            for partition in batches
        }

    async def _begin(self, client: AIOKafkaClient, leader: int) -> _Session:
        response = await client.send(leader, InitProducerIdRequest(None, _TIMEOUT_MS))
        if response.error_code:
            raise for_code(response.error_code)()
        return _Session(response.producer_id, response.producer_epoch)


def again(error: Exception) -> bool:
    """Whether the same batch must be written again, before any other of its partition; the broker will recognise it."""
    return isinstance(error, KafkaError) and bool(error.retriable)


class NotTaken(Exception):
    """The broker refuses a batch because of a record in it, and always will as long as nobody changes something.

    `of_time`: because of its time, which may also be the clock's fault.
    """

    def __init__(self, why: str, *, of_time: bool) -> None:
        super().__init__(why)
        self.of_time = of_time


class NoSuchPartition(Exception):
    """The topic does not exist, or has fewer partitions than declared."""

    def __init__(self, topic: str, partition: int) -> None:
        super().__init__(f"{topic} has no partition {partition}; create the topics")
