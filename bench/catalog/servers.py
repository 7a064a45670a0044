"""The two services as processes: sellstream's catalog, and the peer."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from bench import ROOT
from bench.projector.peer import clean_environment
from libs.bus.settings import KafkaSettings
from libs.secrets.keys import new_key
from libs.stack.ports import free_ports
from libs.stack.process import GuardedProcess, tail

READY_SECONDS = 60


@asynccontextmanager
async def ours(kafka: KafkaSettings, url: str, folder: Path) -> AsyncIterator[str]:
    """The catalog's base URL."""
    (port,) = free_ports(1)
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
        "DATABASE_URL": url,
        "CATALOG_PORT": str(port),
        "SELLSTREAM_SECRETS_KEYS": new_key(),
    }
    async with _serving("services.catalog", environment, port, folder) as base:
        yield base


@asynccontextmanager
async def peer(url: str, folder: Path) -> AsyncIterator[str]:
    """The peer's base URL."""
    (port,) = free_ports(1)
    target = url.replace("postgresql://", "postgresql+asyncpg://", 1)
    async with _serving(
        "bench.peers.fastapi_catalog", {"PEER_DATABASE_URL": target, "PEER_PORT": str(port)}, port, folder
    ) as base:
        yield base


@asynccontextmanager
async def _serving(module: str, environment: Mapping[str, str], port: int, folder: Path) -> AsyncIterator[str]:
    log, base = folder / f"{module}.log", f"http://127.0.0.1:{port}"
    process = await GuardedProcess.start(
        [sys.executable, "-m", module], log=log, env=clean_environment(environment), cwd=ROOT
    )
    try:
        await _ready(base, process, log)
        yield base
    finally:
        await process.stop()


async def _ready(base: str, process: GuardedProcess, log: Path) -> None:
    deadline = asyncio.get_running_loop().time() + READY_SECONDS
    async with aiohttp.ClientSession() as session:
        while asyncio.get_running_loop().time() < deadline and process.exit_code is None:
            try:
                async with session.get(f"{base}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass  # not listening yet
            await asyncio.sleep(0.1)
    raise RuntimeError(f"{base} is not ready; the end of {log}:\n{tail(log)}")
