"""A replica that stands still for longer than its lease, and wakes up: the other does its work, once."""

import asyncio
import json
import os
import signal
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from schemas.topics import topics
from tests.integration.test_stockx_poller import World, prepared
from tests.projecting import scalar, until
from tests.stockx_polling import TIMING, environment_of, replica

HOURS = 7200.0
MANY = 12
QUIET = {**TIMING, "sweep": HOURS, "orders": HOURS, "history": HOURS}
"""Without rounds: once all is known, nobody has a reason to ask StockX anything."""


async def holder(world: World) -> int:
    """The process that does the account's work."""
    return int(str(await scalar(world.database, "SELECT owner FROM stockx_poller.accounts")).split(":")[1])


async def calls(world: World) -> dict[str, int]:
    told: dict[str, int] = (await world.shop.control("GET", "/_stockx/calls"))["calls"]
    return told


async def published(kafka: KafkaSettings, topic: str) -> Counter[bytes]:
    """How often each event id stands in a topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, enable_auto_commit=False)
    await consumer.start()
    try:
        found = Counter[bytes]()
        places = [TopicPartition(kafka.topic(topic), number) for number in range(topics()[topic].partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        async with asyncio.timeout(30):
            while any([await consumer.position(place) < end for place, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found.update(dict(record.headers)["ce_id"] for record in records)
    finally:
        await consumer.stop()
    return found


async def test_a_replica_that_wakes_up_after_its_lease_does_nothing_a_second_time(
    kafka: KafkaSettings, publisher: Publisher, database_url: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        world = await prepared(stack, kafka, publisher, database_url)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        environment = await environment_of(world.shop, kafka, world.database, timing=json.dumps(QUIET))
        logs = [tmp_path / "first.log", tmp_path / "second.log"]
        replicas = [await stack.enter_async_context(replica(environment, http, log)) for log in logs]

        async def ready() -> bool:
            sql = "SELECT bool_and(swept_at IS NOT NULL AND history_at > now()) FROM stockx_poller.accounts"
            return bool(await scalar(world.database, sql))

        await until(ready, "all listings and orders were read once")
        await world.shop.control("DELETE", "/_stockx/calls")
        await world.shop.control("PATCH", "/_stockx/switches", {"latency": 1.0})
        paused = await holder(world)
        asleep = [running.pid for _, running in replicas].index(paused)
        awake, _ = replicas[1 - asleep]
        for number in range(MANY):
            await awake.call("POST", "/listings", {"variant_id": world.variants[number], "amount": str(100 + number)})

        async def arrived() -> bool:
            return any(route.startswith("POST /") for route in await calls(world))

        await until(arrived, "a write is on its way at StockX")
        os.kill(paused, signal.SIGSTOP)
        try:

            async def taken_over() -> bool:
                return await holder(world) != paused

            await until(taken_over, "the other one takes over, a lease later")
            await world.shop.control("PATCH", "/_stockx/switches", {"latency": 0.0})
            await world.quiet(awake)
            truth = await world.truth()
            wanted = Counter((str(100 + number), "ACTIVE") for number in range(MANY))
            assert Counter((each["amount"], each["status"]) for each in truth.values()) == wanted, "each is there once"
            before = await calls(world)
        finally:
            os.kill(paused, signal.SIGCONT)

        async def noticed() -> bool:
            return "the account's work is let go" in logs[asleep].read_text()

        await until(noticed, "the one that slept notices")
        again = await replicas[asleep][0].call("PATCH", f"/listings/{next(iter(truth))}", {"amount": "99"})
        assert (await awake.ended(again["command_id"]))["status"] == "succeeded", "its HTTP API goes on"
        await world.quiet(awake)
        assert await holder(world) != paused
        after = Counter(await calls(world)) - Counter(before)
        assert after.total() <= 4, f"the change, its operation and its state, and nothing else: {after}"
        assert len(await world.truth()) == MANY
        assert await world.refusals() == {}, "no 429"
        for topic, facts in (("listing_operations", 2 * MANY + 2), ("listings", MANY + 1)):
            ids = await published(kafka, topic)
            assert max(ids.values()) == 1, f"{topic}: nothing was published twice"
            assert len(ids) >= facts
