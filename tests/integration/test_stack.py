"""The embedded stack, with real servers: found again, killed, left over, started again on the same data."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from libs.stack import (
    EmbeddedKafka,
    EmbeddedPostgres,
    Endpoints,
    StackError,
    embedded_stack,
    find_endpoints,
    state_folder,
)
from libs.stack.postgres_binaries import postgres_home
from libs.stack.probes import until

OWNER = """
import asyncio, sys
from pathlib import Path
from libs.stack import embedded_stack
async def main():
    async with embedded_stack(Path(sys.argv[1])):
        print("started", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def one_broker() -> Iterator[Path]:
    """A state folder for the tests of this file; they run one after another, each starts and stops what it needs."""
    yield from _fresh_folder("stack-one")


@pytest.fixture(scope="module")
def three_brokers() -> Iterator[Path]:
    yield from _fresh_folder("stack-three")


def _fresh_folder(name: str) -> Iterator[Path]:
    # Not in pytest's temporary folder: the user that PostgreSQL runs as cannot enter that, and data would go elsewhere.
    folder = state_folder(os.environ) / f"{name}-{os.getpid()}"
    yield folder
    shutil.rmtree(postgres_home(folder).data_root, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def pids_in(state_dir: Path) -> list[int]:
    """Every process whose command line names the folder: servers, guards, whatever was started for it."""
    data = str(postgres_home(state_dir).data_root)
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = " ".join(process.info["cmdline"] or ())
        if (str(state_dir) in words or data in words) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found


async def nothing_runs_in(state_dir: Path) -> None:
    async def ended() -> bool:
        return not pids_in(state_dir)

    await until(ended, timeout=60, expired=lambda: f"still running: {pids_in(state_dir)}", pause=0.3)


@asynccontextmanager
async def topic(bootstrap_servers: str, name: str, copies: int = 1) -> AsyncIterator[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, copies)])
        yield name
    finally:
        await admin.close()


async def publish(bootstrap_servers: str, name: str, *values: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, enable_idempotence=True)
    try:
        await producer.start()
        for value in values:
            await producer.send_and_wait(name, value)
    finally:
        await producer.stop()


async def everything_in(bootstrap_servers: str, name: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(name, bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        return [(await asyncio.wait_for(consumer.getone(), 30)).value for _ in range(count)]
    finally:
        await consumer.stop()


async def rows(database_url: str) -> list[int]:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        return [row["n"] for row in await connection.fetch("SELECT n FROM kept ORDER BY n")]
    finally:
        await connection.close()


async def insert(database_url: str, number: int) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("INSERT INTO kept VALUES ($1)", number)
    finally:
        await connection.close()


async def test_the_fixture_offers_a_stack_that_answers(stack: Endpoints) -> None:
    connection = await asyncpg.connect(stack.database_url)
    assert await connection.fetchval("SELECT current_setting('TimeZone')") in ("UTC", "Etc/UTC")
    await connection.close()


async def test_it_starts_is_found_again_keeps_its_data_and_stops(one_broker: Path) -> None:
    assert find_endpoints({}, one_broker) is None
    async with embedded_stack(one_broker) as first:
        assert first == find_endpoints({}, one_broker)
        async with embedded_stack(one_broker) as joined:
            assert joined == first
        assert find_endpoints({}, one_broker) == first, "whoever joined does not stop it"
        assert await rows(first.database_url) == []
        await insert(first.database_url, 1)
        async with topic(first.kafka_bootstrap_servers, "kept"):
            await publish(first.kafka_bootstrap_servers, "kept", b"one", b"two")
    assert find_endpoints({}, one_broker) is None
    assert pids_in(one_broker) == []
    async with embedded_stack(one_broker) as again:
        assert again == first, "same ports, same password"
        assert await rows(again.database_url) == [1]
        assert await everything_in(again.kafka_bootstrap_servers, "kept", 2) == [b"one", b"two"]


async def test_no_process_outlives_a_killed_parent_and_the_data_is_usable(one_broker: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(one_broker)], stdout=subprocess.PIPE)  # noqa: ASYNC220
    assert owner.stdout is not None
    assert await asyncio.to_thread(owner.stdout.readline) == b"started\n"
    endpoints = find_endpoints({}, one_broker)
    assert endpoints is not None
    before = await rows(endpoints.database_url)
    await insert(endpoints.database_url, 2)
    assert len(pids_in(one_broker)) > 4
    owner.kill()
    owner.wait()
    owner.stdout.close()
    await nothing_runs_in(one_broker)
    assert find_endpoints({}, one_broker) is None
    async with embedded_stack(one_broker) as again:
        assert await rows(again.database_url) == [*before, 2]


async def test_records_of_processes_that_are_gone_mislead_nobody(one_broker: Path) -> None:
    """Every pid that is kept is now this test's own: the pid of a living process, which is not the server."""
    async with embedded_stack(one_broker):
        pass
    stale = {"pid": os.getpid(), "started_at": 1.0}
    (one_broker / "kafka" / "broker-1" / "running.json").write_text(json.dumps(stale))
    (one_broker / "postgres" / "running.json").write_text(json.dumps(stale | {"port": 1}))
    data = postgres_home(one_broker).data_root / "data"
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n1\n1\n\n127.0.0.1\n\nready\n")
    assert find_endpoints({}, one_broker) is None
    async with embedded_stack(one_broker) as endpoints:
        assert await rows(endpoints.database_url)


async def test_postgres_can_be_paused_and_killed_and_recovers_on_the_same_port(one_broker: Path) -> None:
    server = EmbeddedPostgres(one_broker)
    url = await server.start()
    try:
        before = await rows(url)
        connection = await asyncpg.connect(url)
        server.pause()
        with pytest.raises(TimeoutError):
            await connection.fetchval("SELECT 1", timeout=0.3)
        server.resume()
        await server.ready()
        connection.terminate()
        await insert(url, 3)
        await server.kill()
        assert server.pid is None
        assert await server.start() == url
        assert await rows(url) == [*before, 3], "committed before the crash"
    finally:
        await server.stop()


async def test_a_server_killed_while_paused_leaves_nothing(one_broker: Path) -> None:
    server = EmbeddedPostgres(one_broker)
    await server.start()
    server.pause()
    await server.stop()
    await nothing_runs_in(one_broker)


async def test_another_number_of_brokers_is_refused_rather_than_hiding_the_data(one_broker: Path) -> None:
    with pytest.raises(StackError, match=r"holds the data of 1 Kafka broker\(s\), but 3 were asked for"):
        await EmbeddedKafka(one_broker, brokers=3).start()


async def test_three_brokers_accept_with_one_dead_and_refuse_with_two(three_brokers: Path) -> None:
    kafka = EmbeddedKafka(three_brokers, brokers=3)
    servers = await kafka.start()
    try:
        async with topic(servers, "copied", copies=3):
            await publish(servers, "copied", b"all three")
            third = kafka.brokers[2]
            await third.kill()
            assert third.pid is None
            await publish(servers, "copied", b"two of three")
            second = kafka.brokers[1]
            second.pause()
            with pytest.raises((KafkaError, TimeoutError)):
                await asyncio.wait_for(publish(servers, "copied", b"one of three"), 5)
            second.resume()
            await third.start()
            await third.ready()
            seen = await everything_in(servers, "copied", 2)
            assert seen == [b"all three", b"two of three"]
    finally:
        await kafka.stop()
    assert pids_in(three_brokers) == []


async def test_a_broker_that_cannot_start_says_why(one_broker: Path) -> None:
    kafka = EmbeddedKafka(one_broker)
    await kafka.start()
    await kafka.stop()
    meta = kafka.brokers[0].data / "meta.properties"
    right = meta.read_text()
    meta.write_text(right.replace("node.id=1", "node.id=9"))
    try:
        with pytest.raises(StackError, match=r"Kafka broker 1 ended while it was starting[\s\S]*node"):
            await EmbeddedKafka(one_broker).start()
    finally:
        meta.write_text(right)
    await nothing_runs_in(one_broker)
