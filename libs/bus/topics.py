"""Declared topics at the broker: missing ones are created, settings brought in line, partitions added.

What is there is never made less: no topic is deleted, no partition removed, no setting touched that we do not declare.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidReplicationFactorError, KafkaError, TopicAlreadyExistsError, for_code
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_fixed

from schemas.topics import Topic

WITHIN_SECONDS = 30.0
_PAUSE_SECONDS = 0.3
_MOST_COPIES = 3
_SET_ON_THE_TOPIC = 1  # DescribeConfigs: the value's source is the topic itself, not a default

T = TypeVar("T")


class TopicsNotApplied(Exception):
    """The topics could not be brought into their declared form; the text says which, why, and what to do."""


class _NotReady(Exception):
    """The cluster has no controller yet, or a new topic has no leader yet."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was done. `topic` is the name at the broker."""

    topic: str
    kind: Literal["created", "partitions", "config"]
    detail: str


@dataclass(frozen=True, slots=True)
class _Present:
    partitions: int
    copies: int


async def apply_topics(
    bootstrap_servers: str,
    topics: Iterable[Topic],
    *,
    prefix: str = "",
    replication: int | None = None,
    force: bool = False,
) -> list[Change]:
    """Bring the topics `prefix + name` into their declared form; return what was changed (nothing, the second time).

    `replication` is for new topics: by default three copies, or as many as there are brokers. Where there are three,
    two must be in sync for a write to be acknowledged. Partitions are added to a topic that holds records only with
    `force`: the keys then go to other partitions, and the order of a key's records breaks at that moment. Waits for a
    cluster that is still starting. Raises TopicsNotApplied.
    """
    declared = {prefix + topic.name: topic for topic in topics}
    try:
        async with _admin(bootstrap_servers) as admin:
            return await _apply(admin, bootstrap_servers, declared, replication, force)
    except (KafkaError, _NotReady, OSError, TimeoutError) as error:
        raise TopicsNotApplied(
            f"Kafka at {bootstrap_servers} did not take the topics within {WITHIN_SECONDS:.0f} s: "
            f"{type(error).__name__}: {error}. Is it running, and has it as many brokers as copies are asked for?"
        ) from error


async def _apply(
    admin: AIOKafkaAdminClient, servers: str, declared: Mapping[str, Topic], replication: int | None, force: bool
) -> list[Change]:
    copies = replication or min(_MOST_COPIES, await _trying(lambda: _brokers(admin)))
    present = await _trying(lambda: _present(admin, declared))
    missing = {name: topic for name, topic in declared.items() if name not in present}
    await _refuse_harm(
        servers, {name: (topic, present[name]) for name, topic in declared.items() if name in present}, force
    )
    changes: list[Change] = []
    if missing:
        await _trying(lambda: _create(admin, missing, copies))
        changes += [Change(name, "created", _told(topic, copies)) for name, topic in missing.items()]
    for name, has in present.items():
        wants = declared[name].partitions
        if wants > has.partitions:
            await _add_partitions(admin, name, wants)
            changes.append(Change(name, "partitions", f"{has.partitions} → {wants}"))
    present = await _trying(lambda: _all_led(admin, declared))
    existing = {name: _config(declared[name], has.copies) for name, has in present.items() if name not in missing}
    return changes + await _trying(lambda: _align_configs(admin, existing))


async def _refuse_harm(servers: str, existing: Mapping[str, tuple[Topic, _Present]], force: bool) -> None:
    """Before anything is changed: partitions never shrink, and are not added below records unless forced."""
    growing = {}
    for name, (topic, has) in existing.items():
        if topic.partitions < has.partitions:
            raise TopicsNotApplied(
                f"{name} has {has.partitions} partitions and topic.yaml wants {topic.partitions}: Kafka cannot remove "
                f"partitions. Set `partitions: {has.partitions}`, or move the records to a new topic."
            )
        if topic.partitions > has.partitions:
            growing[name] = has.partitions
    if growing and not force:
        for name in await _with_records(servers, growing):
            raise TopicsNotApplied(
                f"{name} holds records, and its partitions would grow from {growing[name]} to "
                f"{existing[name][0].partitions}: a key's later records would go to another partition than its earlier "
                "ones, and their order would be lost. Stop the producers, let the consumers finish, then repeat with "
                "--force (`force=True`)."
            )


async def _with_records(servers: str, partitions: Mapping[str, int]) -> list[str]:
    consumer = AIOKafkaConsumer(bootstrap_servers=servers)
    await consumer.start()
    try:
        places = [TopicPartition(name, number) for name, count in partitions.items() for number in range(count)]
        first, end = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    finally:
        await consumer.stop()
    return sorted({place.topic for place in places if end[place] > first[place]})


async def _create(admin: AIOKafkaAdminClient, missing: Mapping[str, Topic], copies: int) -> None:
    new = [
        NewTopic(name, topic.partitions, copies, topic_configs=_config(topic, copies))
        for name, topic in missing.items()
    ]
    response = await admin.create_topics(new)
    for name, code, *message in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:  # an earlier try, or somebody else, has made it
            raise error(f"{name}: {' '.join(str(part) for part in message if part)}")


async def _add_partitions(admin: AIOKafkaAdminClient, name: str, total: int) -> None:
    # Not repeated after an error: whether the first try was done is seen by running the command again.
    await admin.create_partitions({name: NewPartitions(total)})


async def _align_configs(admin: AIOKafkaAdminClient, wanted: Mapping[str, Mapping[str, str]]) -> list[Change]:
    if not wanted:
        return []
    current = await _current_configs(admin, wanted)
    changes, resources = [], []
    for name, config in wanted.items():
        own, effective = current[name]
        differing = {key: value for key, value in config.items() if effective.get(key) != value}
        if differing:
            # AlterConfigs replaces all that is set on the topic: what others have set is repeated, or it is lost.
            resources.append(ConfigResource(ConfigResourceType.TOPIC, name, {**own, **config}))
            changes += [Change(name, "config", f"{k}: {effective.get(k)} → {v}") for k, v in differing.items()]
    if resources:
        for response in await admin.alter_configs(resources):
            for code, message, _, name in response.resources:
                if code:
                    raise for_code(code)(f"{name}: {message}")
    return changes


async def _current_configs(
    admin: AIOKafkaAdminClient, names: Iterable[str]
) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Of each topic: what is set on the topic itself, and what holds."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found = {}
    for response in await admin.describe_configs(resources):
        for code, message, _, name, entries in response.resources:
            if code:
                raise for_code(code)(f"{name}: {message}")
            effective = {key: value for key, value, *_ in entries}
            own = {key: value for key, value, _, source, *_ in entries if source == _SET_ON_THE_TOPIC}
            found[name] = (own, effective)
    return found


async def _brokers(admin: AIOKafkaAdminClient) -> int:
    cluster: Mapping[str, Any] = await admin.describe_cluster()
    if not cluster["brokers"] or cluster["controller_id"] < 0:
        raise _NotReady("the cluster has no controller yet")
    return len(cluster["brokers"])


async def _present(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, _Present]:
    wanted = set(names)
    found = {}
    for topic in await admin.describe_topics():
        if topic["topic"] in wanted:
            partitions = topic["partitions"]
            if topic["error_code"] or not partitions:
                raise _NotReady(f"{topic['topic']} has no leader yet")
            found[topic["topic"]] = _Present(len(partitions), min(len(one["replicas"]) for one in partitions))
    return found


async def _all_led(admin: AIOKafkaAdminClient, declared: Mapping[str, Topic]) -> dict[str, _Present]:
    """The topics once every partition has a leader: a service may then write to them at once."""
    for topic in await admin.describe_topics():
        if topic["topic"] in declared and any(one["leader"] < 0 for one in topic["partitions"]):
            raise _NotReady(f"{topic['topic']} has no leader yet")
    present = await _present(admin, declared)
    for name, topic in declared.items():
        if name not in present or present[name].partitions < topic.partitions:
            raise _NotReady(f"{name} is not known to every broker yet")
    return present


def _config(topic: Topic, copies: int) -> dict[str, str]:
    in_sync = 2 if copies >= _MOST_COPIES else 1
    return {**topic.config(), "min.insync.replicas": str(in_sync)}


def _told(topic: Topic, copies: int) -> str:
    return f"partitions: {topic.partitions}, copies: {copies}, retention.ms: {topic.config()['retention.ms']}"


def _passes(error: BaseException) -> bool:
    retriable = isinstance(error, KafkaError) and error.retriable
    # A broker that has not joined yet is missing for the copies: the same answer as for a broker that never will.
    return retriable or isinstance(error, _NotReady | InvalidReplicationFactorError | OSError | TimeoutError)


async def _trying(step: Callable[[], Awaitable[T]]) -> T:
    """Repeat a step, which may be done twice without harm, while the cluster is starting or electing."""

    async def attempt() -> T:  # tenacity awaits only what is declared as a coroutine function, which a lambda is not
        return await step()

    return await AsyncRetrying(
        retry=retry_if_exception(_passes),
        stop=stop_after_delay(WITHIN_SECONDS),
        wait=wait_fixed(_PAUSE_SECONDS),
        sleep=asyncio.sleep,
        reraise=True,
    )(attempt)


@asynccontextmanager
async def _admin(bootstrap_servers: str) -> AsyncIterator[AIOKafkaAdminClient]:
    async def connect() -> AIOKafkaAdminClient:
        client = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, client_id="sellstream-topics")
        try:
            await client.start()
        except BaseException:
            await client.close()
            raise
        return client

    admin = await _trying(connect)
    try:
        yield admin
    finally:
        await admin.close()
