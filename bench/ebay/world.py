"""The processes of a run: the sandbox as eBay, the projector, ebay_sync; and what is measured of them."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
import psutil

from bench.cpu import rss_bytes
from libs.bus.topics import apply_topics
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.secrets.keys import new_key
from libs.stack import Endpoints
from libs.stack.ports import free_ports
from libs.stack.process import GuardedProcess
from schemas.topics import topics
from services.ops.sandbox_wiring import services_environment

READY_SECONDS = 90.0
RUN_SECONDS = 3600.0
READ_MODELS = ("inventory", "offers")
REPORT_POLL_SECONDS = 0.5
"""How often the report is asked for; 10 in a real installation. The sandbox has it at the second time of asking."""

_SAMPLE_SECONDS = 0.2


class WorldFailed(Exception):
    """A process did not come up, or a run did not complete; the text says which, and where its output is."""


@dataclass(frozen=True)
class World:
    """Running processes. `pid` is that of ebay_sync."""

    http: aiohttp.ClientSession
    sandbox: str
    sync: str
    database_url: str
    accounts: dict[str, Any]
    token: str
    pid: int

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """The sandbox's own API."""
        async with self.http.request(method, self.sandbox + path, json=body) as answer:
            answer.raise_for_status()
            return await answer.json(content_type=None)

    async def synced(self, kind: str, mode: str = "full") -> dict[str, Any]:
        """A whole run of the first seller: the run as told, its seconds, and the peak of the process's memory."""
        headers = {"Authorization": f"Bearer {self.token}"}
        account = json.loads(self.accounts["EBAY_SYNC_ACCOUNTS"])[0]["account"]
        url = f"{self.sync}/ebay/sync"
        began = asyncio.get_running_loop().time()
        async with peak_memory(self.pid) as peak:
            query = {"account": account, "mode": mode}
            async with self.http.post(f"{url}/{kind}", params=query, headers=headers) as answer:
                answer.raise_for_status()
                run_id = (await answer.json())["run_id"]
            async with asyncio.timeout(RUN_SECONDS):
                while True:
                    async with self.http.get(f"{url}/runs/{run_id}", headers=headers) as answer:
                        run: dict[str, Any] = await answer.json()
                    if run["ended_at"]:
                        break
                    await asyncio.sleep(0.1)
        if run["status"] != "completed" or run["counts"]["failed"]:
            raise WorldFailed(f"{run_id} ended as {run['status']}: {run['error'] or run['counts']}")
        return {**run, "seconds": asyncio.get_running_loop().time() - began, "peak_bytes": peak()}

    async def calls(self) -> int:
        """How many calls eBay has had since the last time that this was asked."""
        total: int = (await self.control("GET", "/_ebay/calls"))["total"]
        await self.control("DELETE", "/_ebay/calls")
        return total


@asynccontextmanager
async def peak_memory(pid: int) -> AsyncIterator[Callable[[], int]]:
    """The largest resident memory of a process that was seen while the block lasted, in bytes."""
    seen = [rss_bytes(pid)]

    async def sample() -> None:
        while True:
            await asyncio.sleep(_SAMPLE_SECONDS)
            with suppress(psutil.NoSuchProcess):
                seen.append(rss_bytes(pid))

    sampling = asyncio.create_task(sample())
    try:
        yield lambda: max(seen)
    finally:
        sampling.cancel()


@asynccontextmanager
async def world(endpoints: Endpoints, skus: int, latency: float) -> AsyncIterator[World]:
    """Everything that runs, on topics and a database of its own; raises WorldFailed."""
    prefix = f"bench{uuid4().hex[:8]}."
    await apply_topics(endpoints.kafka_bootstrap_servers, topics().values(), prefix=prefix)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(_database(endpoints.database_url))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-ebay-")))
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=RUN_SECONDS)))
        sandbox_port, projector_port, sync_port = free_ports(3)
        sandbox, sync = f"http://127.0.0.1:{sandbox_port}", f"http://127.0.0.1:{sync_port}"
        environ = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": endpoints.kafka_bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": prefix,
            "DATABASE_URL": url,
            "SELLSTREAM_SECRETS_KEYS": new_key(),
            "SANDBOX_PORT": str(sandbox_port),
            "SANDBOX_EBAY_ITEMS": str(skus),
            "SANDBOX_EBAY_ORDERS": "0",
            "SANDBOX_EBAY_LATENCY": str(latency),
            "PROJECTOR_PORT": str(projector_port),
            "PROJECTOR_READ_MODELS": json.dumps(READ_MODELS),
        }
        start = _Starter(stack, http, folder)
        await start("sandbox", environ, sandbox)
        async with http.get(f"{sandbox}/_accounts") as answer:
            accounts = services_environment(await answer.json(), "http://127.0.0.1:1", sandbox)
        environ |= accounts | {
            "EBAY_SYNC_PORT": str(sync_port),
            "EBAY_SYNC_PACE__REPORT_POLL": f"PT{REPORT_POLL_SECONDS}S",
        }
        await start("projector", environ, f"http://127.0.0.1:{projector_port}")
        pid = await start("ebay_sync", environ, sync)
        token = await _token(environ)
        yield World(http, sandbox, sync, url, accounts, token, pid)


@dataclass(frozen=True)
class _Starter:
    """Starts services; each is ended when the stack closes, the last one first, or when this program ends, however."""

    stack: AsyncExitStack
    http: aiohttp.ClientSession
    folder: Path

    async def __call__(self, name: str, environ: dict[str, str], base: str) -> int:
        log = self.folder / f"{name}.log"
        process = await GuardedProcess.start([sys.executable, "-m", f"services.{name}"], log=log, env=environ)
        self.stack.push_async_callback(process.stop)
        await _until_ready(lambda: self._ready(base), process, f"{name}: see {log}")
        return process.pid

    async def _ready(self, base: str) -> bool:
        try:
            async with self.http.get(f"{base}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientConnectionError:
            return False


async def _until_ready(ready: Callable[[], Awaitable[bool]], process: GuardedProcess, what: str) -> None:
    try:
        async with asyncio.timeout(READY_SECONDS):
            while not await ready():
                if process.exit_code is not None:
                    raise WorldFailed(f"{what} ended with status {process.exit_code}")
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise WorldFailed(f"{what} is not ready within {READY_SECONDS} s") from None


async def _token(environ: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.ops.cli", "ebay", "token"), env=environ, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    return told.decode().strip()


@asynccontextmanager
async def _database(server_url: str) -> AsyncIterator[str]:
    name = f"bench{uuid4().hex[:8]}"
    server = await asyncpg.connect(server_url)
    try:
        await server.execute(f"CREATE DATABASE {name}")
        url = f"{server_url.rpartition('/')[0]}/{name}"
        async with Database(url, application="bench") as database:
            await migrate(database)
        yield url
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await server.close()
