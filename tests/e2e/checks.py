"""What must be true after any run, checked from outside: raw Kafka, raw SQL, and the sandbox's own record."""

import hashlib
from collections import Counter, defaultdict
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from libs.bus.settings import KafkaSettings
from tests.e2e.system import System


async def records(kafka: KafkaSettings, topic: str) -> list[ConsumerRecord]:
    """Everything in a topic, partition by partition."""
    name = kafka.topic(topic)
    client = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, enable_auto_commit=False)
    await client.start()
    try:
        await client._client.add_topic(name)
        partitions = [TopicPartition(name, number) for number in sorted(client.partitions_for_topic(name) or ())]
        client.assign(partitions)
        await client.seek_to_beginning(*partitions)
        ends = await client.end_offsets(partitions)
        found: list[ConsumerRecord] = []
        while any([await client.position(partition) < ends[partition] for partition in partitions]):
            for batch in (await client.getmany(timeout_ms=500)).values():
                found += batch
        return sorted(found, key=lambda record: (record.partition, record.offset))
    finally:
        await client.stop()


async def sent(system: System) -> list[dict[str, Any]]:
    """Every delivery that the sandbox has made."""
    found: list[dict[str, Any]] = []
    while True:
        page = (await system.get("/_sent", after=str(found[-1]["id"] if found else 0), limit="1000"))["deliveries"]
        found += page
        if len(page) < 1000:
            return found


async def assert_accepted_webhooks_are_in_the_topic_once(system: System) -> int:
    """Every delivery that was acknowledged is there exactly once, byte for byte; the number of them."""
    bodies: dict[int, set[str]] = defaultdict(set)
    acknowledged: set[int] = set()
    for delivery in await sent(system):
        original = delivery["duplicate_of"] or delivery["id"]
        bodies[original] |= {attempt["body_sha256"] for attempt in delivery["attempts"]}
        if delivery["delivered"]:
            acknowledged.add(original)
    assert acknowledged, "the sandbox got no acknowledgement at all"
    in_topic = Counter(hashlib.sha256(record.value).hexdigest() for record in await records(system.kafka, "webhooks"))
    counts = {original: sum(in_topic[body] for body in bodies[original]) for original in acknowledged}
    lost = [original for original, count in counts.items() if count == 0]
    doubled = [original for original, count in counts.items() if count > 1]
    assert not lost, f"acknowledged, but not in the topic: deliveries {lost[:10]}"
    assert not doubled, f"in the topic more than once: deliveries {doubled[:10]}"
    return len(acknowledged)


async def assert_rows_are_the_truth(system: System) -> int:
    """Every entity at the marketplace is one row in its last state, and no row is without an entity; the number."""
    connection = await asyncpg.connect(system.database_url)
    total = 0
    try:
        for table, column in (
            ("orders", "order_id"),
            ("shipments", "shipment_id"),
            ("payments", "payment_id"),
            ("questions", "question_id"),
        ):
            truth: dict[str, str] = {}
            while True:
                answer = await system.get(f"/_world/{table}", offset=str(len(truth)), limit="1000")
                truth |= {str(entity["id"]): entity["status"] for entity in answer[table]}
                if len(truth) >= answer["total"]:
                    break
            rows = await connection.fetch(
                f"SELECT {column} AS id, marketplace_status AS status FROM read_models.{table} "
                "WHERE marketplace = 'mercadolibre'"
            )
            ours = {row["id"]: row["status"] for row in rows}
            assert len(ours) == len(rows), f"{table}: a row is there twice"
            wrong = {
                key: (truth.get(key), ours.get(key))
                for key in truth.keys() | ours.keys()
                if truth.get(key) != ours.get(key)
            }
            assert not wrong, f"{table}: (marketplace, row) differ: {dict(list(wrong.items())[:10])}"
            total += len(rows)
    finally:
        await connection.close()
    assert total, "there is nothing to compare"
    return total


async def assert_read_models_verify(system: System) -> None:
    """`sellstream read-models verify` rebuilds each from the topics and finds it equal."""
    for name in ("orders", "shipments", "payments", "questions", "listings"):
        status, output = await system.command("read-models", "verify", name)
        assert status == 0, f"verify {name}: {output}"


async def assert_all_is_well(system: System) -> None:
    """Everything above."""
    await assert_accepted_webhooks_are_in_the_topic_once(system)
    await assert_rows_are_the_truth(system)
    await assert_read_models_verify(system)
