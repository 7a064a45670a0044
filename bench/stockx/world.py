"""What a run needs: topics and a database of its own, and the sandbox as a process."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import aiohttp
import asyncpg

from bench.stockx.fleet import READY_SECONDS, ROOT, FleetFailed
from bench.stockx.shop import Shop
from libs.bus.settings import KafkaSettings
from libs.bus.topics import apply_topics
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.stack import Endpoints
from libs.stack.ports import free_ports
from schemas.topics import topics


@dataclass(frozen=True)
class World:
    """What runs."""

    http: aiohttp.ClientSession
    shop: Shop
    kafka: KafkaSettings
    database: Database


@asynccontextmanager
async def world(endpoints: Endpoints, speed: float, **settings: str) -> AsyncIterator[World]:
    """A sandbox with these settings (without `SANDBOX_STOCKX_`); raises FleetFailed."""
    kafka = KafkaSettings(bootstrap_servers=endpoints.kafka_bootstrap_servers, topic_prefix=f"bench{uuid4().hex[:8]}.")
    await apply_topics(kafka.bootstrap_servers, topics().values(), prefix=kafka.topic_prefix)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(_database(endpoints.database_url))
        database = await stack.enter_async_context(Database(url, application="bench", most=4))
        await migrate(database)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        base = await stack.enter_async_context(_sandbox(http, speed, settings))
        yield World(http, Shop(http, base), kafka, database)


@asynccontextmanager
async def _sandbox(http: aiohttp.ClientSession, speed: float, settings: dict[str, str]) -> AsyncIterator[str]:
    port = free_ports(1)[0]
    base = f"http://127.0.0.1:{port}"
    told = {f"SANDBOX_STOCKX_{name.upper()}": value for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services.sandbox"),
        cwd=ROOT,
        env={**os.environ, "SANDBOX_PORT": str(port), "SANDBOX_SPEED": str(speed), **told},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _until_ready(http, base, process)
        yield base
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _until_ready(http: aiohttp.ClientSession, base: str, process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(READY_SECONDS):
            while process.returncode is None:
                try:
                    async with http.get(f"{base}/livez") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.1)
    except TimeoutError:
        raise FleetFailed(f"the sandbox is not ready within {READY_SECONDS} s") from None
    raise FleetFailed(f"the sandbox ended with status {process.returncode}")


@asynccontextmanager
async def _database(server_url: str) -> AsyncIterator[str]:
    name = f"bench{uuid4().hex[:8]}"
    server = await asyncpg.connect(server_url)
    try:
        await server.execute(f"CREATE DATABASE {name}")
        yield f"{server_url.rpartition('/')[0]}/{name}"
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await server.close()
