"""A connection that is lost between a reader's looks, on the event loop that services run on: nothing dies of it."""

import asyncio
from contextlib import suppress

import pytest
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.bus.reader import GroupReader, KafkaAway
from libs.bus.settings import KafkaSettings
from tests.integration.test_consumer import question


async def written_after_the_end(servers: str) -> None:
    """The moment that chaos finds now and then, made to last: the transport has ended, and nobody has noticed yet."""
    host, _, port = servers.partition(",")[0].rpartition(":")
    connection = await create_conn(host, int(port))
    reading = connection._read_task
    reading.cancel()
    with suppress(asyncio.CancelledError):
        await reading
    connection._writer.transport.abort()
    await asyncio.sleep(0.05)
    with pytest.raises(KafkaConnectionError, match="is lost"):
        await connection.send(MetadataRequest([]))
    with pytest.raises(KafkaConnectionError):  # and it is known to be closed from then on
        await connection.send(MetadataRequest([]))


async def test_a_write_behind_the_end_is_a_broken_connection(kafka: KafkaSettings) -> None:
    await asyncio.to_thread(uvloop.run, written_after_the_end(kafka.bootstrap_servers))


async def fetching_goes_on(kafka: KafkaSettings) -> list[bytes]:
    """The same in the middle of a consumer's fetching: it reconnects and reads on."""
    place = TopicPartition(kafka.topic("questions"), 0)
    client = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest")
    await client.start()
    try:
        client.assign([place])
        await client.getone()
        for _ in range(20):
            for connection in list(client._client._conns.values()):
                if connection._writer is not None:
                    connection._writer.transport.abort()
            await asyncio.sleep(0.02)
        assert not client._fetcher._fetch_task.done()
        await client.seek_to_beginning(place)
        async with asyncio.timeout(20):
            return [(await client.getone()).key]
    finally:
        await client.stop()


async def test_a_consumer_whose_connections_are_lost_again_and_again_reads_on(
    kafka: KafkaSettings, publisher: Publisher
) -> None:
    for number in range(30):  # some of them in partition 0
        await publisher.publish(Outgoing(question(number)))
    assert await asyncio.to_thread(uvloop.run, fetching_goes_on(kafka))


@pytest.mark.parametrize("task", ["_fetch_task", "_sync_task"])
async def test_a_client_whose_task_has_died_is_replaced(kafka: KafkaSettings, task: str) -> None:
    async with GroupReader(kafka, "a-group", ["questions"], max_records=10) as reader:
        await reader.read(100)
        client = reader._client
        getattr(client._fetcher if task == "_fetch_task" else client._client, task).cancel()
        await asyncio.sleep(0)
        with pytest.raises(KafkaAway, match="has ended"):
            await reader.read(100)
