"""Replicas of stockx_poller as processes of their own, killed and replaced while they work."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.http.jwt import issue
from libs.secrets.keys import new_key
from libs.stack.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "acme"
USER = "7"
READY_SECONDS = 90.0
_REPLICAS = 2
_JWT_KEY = "a key of this benchmark, long enough to sign"


class FleetFailed(Exception):
    """A replica did not come up, or refused a command; the text says which."""


@dataclass(frozen=True)
class Replica:
    """A process of the service, and where it answers."""

    process: asyncio.subprocess.Process
    base: str

    @property
    def runs(self) -> bool:
        return self.process.returncode is None


class Fleet:
    """The replicas that run. `kills` counts those that were killed."""

    def __init__(self, http: aiohttp.ClientSession, environment: Mapping[str, str], database: Database) -> None:
        self._http = http
        self._environment = environment
        self._database = database
        self._replicas: list[Replica] = []
        self._headers = {"Authorization": f"Bearer {issue(_JWT_KEY, USER, timedelta(hours=12))}"}
        self.kills = 0

    async def start(self) -> None:
        """Start a replica; returns when it is ready."""
        port = free_ports(1)[0]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "services.stockx_poller"),
            cwd=ROOT,
            env={**os.environ, **self._environment, "STOCKX_POLLER_PORT": str(port)},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        replica = Replica(process, f"http://127.0.0.1:{port}")
        self._replicas.append(replica)
        try:
            async with asyncio.timeout(READY_SECONDS):
                while not await self._ready(replica):
                    if not replica.runs:
                        raise FleetFailed(f"a replica ended with status {process.returncode}")
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise FleetFailed(f"a replica is not ready within {READY_SECONDS} s") from None

    async def replenish(self) -> None:
        """Start replicas until there are two."""
        while sum(each.runs for each in self._replicas) < _REPLICAS:
            await self.start()

    async def kill_the_holder(self) -> None:
        """SIGKILL to the replica that does the account's work; the others know nothing of it."""
        async with self._database.connection() as connection:
            owner = await connection.fetchval("SELECT owner FROM stockx_poller.accounts WHERE account = $1", ACCOUNT)
        pid = int(str(owner).split(":")[1])
        for replica in self._replicas:
            if replica.process.pid == pid and replica.runs:
                replica.process.send_signal(signal.SIGKILL)
                await replica.process.wait()
                self.kills += 1

    async def command(self, method: str, path: str, body: Any) -> str:
        """Give a command to whichever replica answers, again under the same key until one does; returns its id."""
        key = str(uuid4())
        async with asyncio.timeout(READY_SECONDS):
            while True:
                for replica in [each for each in self._replicas if each.runs]:
                    with suppress(aiohttp.ClientConnectionError):
                        return await self._asked(replica, method, path, body, key)
                await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """End all replicas."""
        for replica in self._replicas:
            if replica.runs:
                replica.process.kill()
            await replica.process.wait()

    async def _asked(self, replica: Replica, method: str, path: str, body: Any, key: str) -> str:
        headers = self._headers | {"Idempotency-Key": key}
        url = f"{replica.base}/api/v1/stockx{path}"
        async with self._http.request(method, url, json=body, headers=headers) as answer:
            if answer.status != 202:
                raise FleetFailed(f"{method} {path}: {answer.status} {await answer.text()}")
            return str((await answer.json())["command_id"])

    async def _ready(self, replica: Replica) -> bool:
        try:
            async with self._http.get(f"{replica.base}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientConnectionError:
            return False


@asynccontextmanager
async def fleet(
    http: aiohttp.ClientSession, sandbox: str, kafka: KafkaSettings, database: Database, settings: Mapping[str, str]
) -> AsyncIterator[Fleet]:
    """Two replicas for the sandbox's first seller; more may be started. All are ended."""
    async with http.get(f"{sandbox}/_accounts") as answer:
        told = (await answer.json())["stockx"]
    account = {
        "account": ACCOUNT,
        "user_id": USER,
        **{name: told[name] for name in ("client_id", "client_secret", "api_key")},
        "refresh_token": told["sellers"][0]["refresh_token"],
    }
    named = {
        "accounts": json.dumps([account]),
        "jwt_key": _JWT_KEY,
        "api__base_url": f"{sandbox}/stockx/v2",
        "accounts_url": f"{sandbox}/stockx",
        **settings,
    }
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
        "DATABASE_URL": database.url,
        "SELLSTREAM_SECRETS_KEYS": new_key(),
        **{f"STOCKX_POLLER_{name.upper()}": value for name, value in named.items()},
    }
    made = Fleet(http, environment, database)
    try:
        await asyncio.gather(*(made.start() for _ in range(_REPLICAS)))
        yield made
    finally:
        await made.stop()
