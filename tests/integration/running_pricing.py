"""Pricing as its app builds it, at work; and as a process of its own, that can be killed."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp.test_utils import TestClient, TestServer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.group import LeaveGroupRequest

from libs.bus.settings import KafkaSettings
from libs.db.settings import DatabaseSettings
from libs.http.server import Health, prepare_application
from libs.stack.ports import free_ports
from services.pricing.app import build
from services.pricing.config import Config
from tests.projecting import until

ROOT = Path(__file__).parents[2]
SESSION_SECONDS = 6


@asynccontextmanager
async def pricing(url: str, kafka: KafkaSettings) -> AsyncIterator[TestClient]:
    """A running service, its tables recovered; what its workers raise is raised here."""
    with TemporaryDirectory() as folder:
        config = Config(
            kafka=kafka,
            database=DatabaseSettings(url=url),
            port=0,
            session_seconds=SESSION_SECONDS,
            data_dir=Path(folder),
        )
        async with _running(config) as client:
            yield client


@asynccontextmanager
async def _running(config: Config) -> AsyncIterator[TestClient]:
    async with build(config) as service:
        prepare_application(service.http, service.name, Health(service.ready))
        stop = asyncio.Event()
        workers = [asyncio.create_task(worker(stop)) for worker in service.workers.values()]
        try:
            async with TestClient(TestServer(service.http)) as client:

                async def ready() -> bool:
                    for worker in workers:
                        if worker.done():
                            worker.result()
                    return (await client.get("/readyz")).status == 200

                await until(ready, "pricing is ready", seconds=60)
                yield client
        finally:
            stop.set()
            await asyncio.gather(*workers)


@asynccontextmanager
async def pricing_process(url: str, kafka: KafkaSettings) -> AsyncIterator[asyncio.subprocess.Process]:
    """The service as a process, just started; killed at the end."""
    with TemporaryDirectory() as folder:
        async with _process(url, kafka, folder) as process:
            yield process


@asynccontextmanager
async def _process(url: str, kafka: KafkaSettings, folder: str) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {
        "PRICING_DATA_DIR": folder,
        "DATABASE_URL": url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
        "PRICING_PORT": str(free_ports(1)[0]),
        "PRICING_SESSION_SECONDS": str(SESSION_SECONDS),
        "PRICING_BATCH": "20",  # small batches: more places to be killed at
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.pricing",
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def give_out_partitions_again(kafka: KafkaSettings) -> None:
    """Put the group's member out, as the broker does with one that was silent for too long: it joins again."""
    group = kafka.group("pricing")
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    client = AIOKafkaClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await client.bootstrap()
    try:
        (answer,) = await admin.describe_consumer_groups([group])
        (described,) = answer.groups
        ((member, *_),) = described[5]
        gone = await client.send(await admin.find_coordinator(group), LeaveGroupRequest(group, member))
        assert gone.error_code == 0
    finally:
        await client.close()
        await admin.close()
