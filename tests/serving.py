"""Services as tests run them: in this process, to look inside; or as processes of their own, to be killed."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.http.server import Health, prepare_application
from libs.service import Service
from libs.stack.ports import free_ports
from tests.projecting import until

ROOT = Path(__file__).parents[1]
START_SECONDS = 60.0

C = TypeVar("C")


def where(kafka: KafkaSettings, database: Database, keys: str) -> dict[str, str]:
    """What tells a service of its Kafka, its PostgreSQL and the keys of its secrets."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
        "DATABASE_URL": database.url,
        "SELLSTREAM_SECRETS_KEYS": keys,
    }


def configured(config: Callable[[], C], environment: Mapping[str, str]) -> C:
    """The settings that a service with this environment reads."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return config()


@asynccontextmanager
async def working(service: Service, names: Iterable[str] | None = None) -> AsyncIterator[None]:
    """The service's workers, or those of these names, for as long as the block lasts. What one raises is raised."""
    stop = asyncio.Event()
    chosen = service.workers if names is None else {name: service.workers[name] for name in names}
    tasks = [asyncio.create_task(worker(stop), name=name) for name, worker in chosen.items()]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


@asynccontextmanager
async def served(service: Service) -> AsyncIterator[str]:
    """The service with its workers and its HTTP API on a free port: the address, without a slash at its end."""
    prepare_application(service.http, service.name, Health(service.ready))
    server = TestServer(service.http)
    await server.start_server()
    try:
        async with working(service):
            yield str(server.make_url("/")).rstrip("/")
    finally:
        await server.close()


@asynccontextmanager
async def process(
    name: str, environment: Mapping[str, str], http: aiohttp.ClientSession, log: Path | None = None
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """`python -m services.<name>` once it is ready: its address and itself. Killed at the end; `log` has its output."""
    port = free_ports(1)[0]
    with (log or Path(os.devnull)).open("ab") as output:
        running = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"services.{name}",
            cwd=ROOT,
            env={**os.environ, **environment, f"{name.upper()}_PORT": str(port)},
            stdout=output,
            stderr=output,
        )
    base = f"http://127.0.0.1:{port}"

    async def ready() -> bool:
        assert running.returncode is None, f"{name} ended with {running.returncode} before it was ready"
        try:
            async with http.get(f"{base}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientConnectionError:
            return False

    try:
        await until(ready, f"{name} is ready", START_SECONDS)
        yield base, running
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()
