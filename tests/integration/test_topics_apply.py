"""Topics at a real broker: created once, brought in line, never harmed."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from libs.bus.topics import Change, TopicsNotApplied, apply_topics
from libs.stack import Endpoints
from schemas.topics import Topic, topics


@pytest.fixture
def prefix() -> Iterator[str]:
    return f"t{uuid4().hex[:10]}-"


def _topic(partitions: int = 2, retention: str | timedelta = "forever") -> Topic:
    return Topic.model_validate(
        {
            "name": "things",
            "description": "d",
            "key": "{id}",
            "partitions": partitions,
            "retention": retention,
            "producers": ("a_service",),
        }
    )


async def _config(servers: str, name: str) -> dict[str, str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        (response,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        return {key: value for key, value, *_ in response.resources[0][4]}
    finally:
        await admin.close()


async def _partitions(servers: str, name: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        (topic,) = await admin.describe_topics([name])
        return len(topic["partitions"])
    finally:
        await admin.close()


async def _write(servers: str, name: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        await producer.send_and_wait(name, b"x", key=b"k")


async def test_every_declared_topic_is_created_as_declared_and_the_second_time_nothing_is_done(
    stack: Endpoints, prefix: str
) -> None:
    servers = stack.kafka_bootstrap_servers
    changes = await apply_topics(servers, topics().values(), prefix=prefix)
    assert {change.topic for change in changes if change.kind == "created"} == {prefix + name for name in topics()}
    for topic in topics().values():
        config = await _config(servers, prefix + topic.name)
        assert config.items() >= topic.config().items()
        assert await _partitions(servers, prefix + topic.name) == topic.partitions
    assert await apply_topics(servers, topics().values(), prefix=prefix) == []


async def test_a_new_topic_can_be_written_to_at_once(stack: Endpoints, prefix: str) -> None:
    await apply_topics(stack.kafka_bootstrap_servers, [_topic()], prefix=prefix)
    await _write(stack.kafka_bootstrap_servers, f"{prefix}things")


async def test_settings_are_brought_in_line_and_those_of_others_stay(stack: Endpoints, prefix: str) -> None:
    servers, name = stack.kafka_bootstrap_servers, f"{prefix}things"
    await apply_topics(servers, [_topic()], prefix=prefix)
    theirs = {**(_topic().config()), "max.message.bytes": "123456", "min.insync.replicas": "1"}
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, theirs)])
    await admin.close()
    week = _topic(retention=timedelta(days=7))
    changes = [one for one in await apply_topics(servers, [week], prefix=prefix) if "insync" not in one.detail]
    segments, change = sorted(changes, key=lambda one: "retention" in one.detail)
    assert segments == Change(name, "config", "segment.ms: 604800000 → 86400000")
    assert change == Change(name, "config", "retention.ms: -1 → 604800000")
    config = await _config(servers, name)
    assert (config["retention.ms"], config["max.message.bytes"]) == ("604800000", "123456")
    assert await apply_topics(servers, [week], prefix=prefix) == []


async def test_partitions_of_an_empty_topic_are_added(stack: Endpoints, prefix: str) -> None:
    servers = stack.kafka_bootstrap_servers
    await apply_topics(servers, [_topic(2)], prefix=prefix)
    assert await apply_topics(servers, [_topic(5)], prefix=prefix) == [Change(f"{prefix}things", "partitions", "2 → 5")]
    assert await _partitions(servers, f"{prefix}things") == 5


async def test_partitions_below_records_are_added_only_by_force(stack: Endpoints, prefix: str) -> None:
    servers, name = stack.kafka_bootstrap_servers, f"{prefix}things"
    await apply_topics(servers, [_topic(2)], prefix=prefix)
    await _write(servers, name)
    with pytest.raises(TopicsNotApplied, match=f"{name} holds records") as refused:
        await apply_topics(servers, [_topic(3)], prefix=prefix)
    assert "--force" in str(refused.value)
    assert await _partitions(servers, name) == 2
    await apply_topics(servers, [_topic(3)], prefix=prefix, force=True)
    assert await _partitions(servers, name) == 3


async def test_partitions_never_shrink_and_nothing_else_is_changed_then(stack: Endpoints, prefix: str) -> None:
    servers, name = stack.kafka_bootstrap_servers, f"{prefix}things"
    await apply_topics(servers, [_topic(3)], prefix=prefix)
    with pytest.raises(TopicsNotApplied, match="Kafka cannot remove partitions"):
        await apply_topics(servers, [_topic(2, retention=timedelta(days=1))], prefix=prefix, force=True)
    assert (await _config(servers, name))["retention.ms"] == "-1"


async def test_two_appliers_at_once_do_not_disturb_each_other(stack: Endpoints, prefix: str) -> None:
    servers = stack.kafka_bootstrap_servers
    await asyncio.gather(*(apply_topics(servers, [_topic(4)], prefix=prefix) for _ in range(3)))
    assert await _partitions(servers, f"{prefix}things") == 4


async def test_the_command_creates_topics_and_says_so(stack: Endpoints, prefix: str) -> None:
    environ = {**os.environ, "KAFKA_TOPIC_PREFIX": prefix} | stack.environment()
    first, second = [await _sellstream("topics", "apply", environ=environ) for _ in range(2)]
    assert f"created    {prefix}orders  partitions: 6" in first
    assert second == f"Nothing to do: all {len(topics())} topics are as declared.\n"
    listed = json.loads(await _sellstream("topics", "list", "--json", environ=environ))
    assert {row["topic"] for row in listed} == topics().keys()


async def _sellstream(*arguments: str, environ: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.ops.cli", *arguments, env=environ, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(120):
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()
