"""A whole sellstream of real processes for a test: topics, database and ports of its own; the sandbox sends."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from libs.bus.settings import KafkaSettings
from libs.read_models import READ_MODELS
from libs.stack import Endpoints
from libs.stack.ports import free_ports
from services.ops.daemon import Daemon
from services.ops.daemon_state import read_state
from services.ops.processes import SERVICES

START_SECONDS = 90


@dataclass
class System:
    """Running processes. `environ` is what a command needs to reach the same Kafka and PostgreSQL."""

    folder: Path
    environ: dict[str, str]
    ports: Mapping[str, int]
    kafka: KafkaSettings
    database_url: str
    sandbox: aiohttp.ClientSession
    killed: dict[str, int] = field(default_factory=dict)

    def pid(self, name: str) -> int | None:
        """The process of a service now; None while it is down."""
        state = read_state(self.folder)
        assert state is not None
        return next((process.pid for process in state.processes if process.name == name), None)

    async def kill(self, name: str) -> None:
        """SIGKILL one service; its supervisor starts it again. One that is down just now is awaited first."""
        async with asyncio.timeout(60):
            while (pid := self.pid(name)) is None:
                await asyncio.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
        self.killed[name] = self.killed.get(name, 0) + 1

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Ask the sandbox for something."""
        async with self.sandbox.post(path, json=body) as answer:
            assert answer.status < 300, f"{path}: {answer.status} {await answer.text()}"
            return await answer.json()

    async def get(self, path: str, **query: str) -> Any:
        """Read from the sandbox."""
        async with self.sandbox.get(path, params=query) as answer:
            assert answer.status == 200, f"{path}: {answer.status} {await answer.text()}"
            return await answer.json()

    async def command(self, *arguments: str) -> tuple[int, str]:
        """Run `sellstream …` as a person would: its exit status and all its output."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.ops.cli",
            *arguments,
            env=self.environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode(errors="replace")

    async def settled(self, seconds: float = 120) -> None:
        """Wait until traffic has ended, every delivery has its fate, and every consumer has read to the end."""
        told = ""
        try:
            async with asyncio.timeout(seconds):
                quiet = 0
                while quiet < 3:
                    await asyncio.sleep(0.7)
                    told = await self._unsettled()
                    quiet = 0 if told else quiet + 1
        except TimeoutError:
            pytest.fail(f"not settled within {seconds} s: {told}\n{self.logs()}")

    async def _unsettled(self) -> str:
        if (await self.get("/_traffic"))["running"]:
            return "traffic flows"
        # A refused poison delivery is sent again for a day; nobody waits for that.
        waiting = (await self.get("/_sent", state="waiting", poison="false"))["deliveries"]
        if waiting:
            return f"{len(waiting)} deliveries wait"
        return await self._behind()

    async def _behind(self) -> str:
        """Which group has not committed up to the end of its topics; asked of Kafka, since a service may be down."""
        groups = {"mercadolibre_enricher": "webhooks", "ebay_sync": "webhooks"} | {
            f"projector-{name}": name for name in READ_MODELS
        }
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap_servers)
        client = AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap_servers, enable_auto_commit=False)
        await admin.start()
        await client.start()
        try:
            topics = {description["topic"]: description for description in await admin.describe_topics()}
            for group, name in groups.items():
                topic = self.kafka.topic(name)
                partitions = [TopicPartition(topic, one["partition"]) for one in topics[topic]["partitions"]]
                ends = await client.end_offsets(partitions)
                committed = await admin.list_consumer_group_offsets(self.kafka.group(group))
                behind = sum(end - (committed[tp].offset if tp in committed else 0) for tp, end in ends.items())
                if behind:
                    return f"{group} is {behind} records behind"
        finally:
            await client.stop()
            await admin.close()
        return ""

    def logs(self, lines: int = 15) -> str:
        """The end of every log, for a failed test."""
        told = []
        for path in sorted((self.folder / "logs").glob("*.log")):
            told.append(f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-lines:]))
        return "\n".join(told)


@asynccontextmanager
async def running_system(endpoints: Endpoints, folder: Path, settings: Mapping[str, str]) -> AsyncIterator[System]:
    """Start everything on a running Kafka and PostgreSQL; stop it at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    unique = f"t{uuid4().hex[:10]}"
    server = await asyncpg.connect(endpoints.database_url)
    await server.execute(f"CREATE DATABASE {unique}")
    await server.close()
    database_url = endpoints.database_url.rpartition("/")[0] + f"/{unique}"
    ports = dict(zip((service.name for service in SERVICES), free_ports(len(SERVICES)), strict=True))
    environ = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": endpoints.kafka_bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": f"{unique}.",
        "DATABASE_URL": database_url,
        "SELLSTREAM_STATE_DIR": str(folder),
        "SANDBOX_SPEED": "60",
        "MERCADOLIBRE_ENRICHER_SETTLE_SECONDS": "2",
        **{service.port_variable: str(ports[service.name]) for service in SERVICES},
        **settings,
    }
    daemon = Daemon(folder, environ)
    running = asyncio.create_task(daemon.run())
    ready = asyncio.create_task(daemon.until_running())
    await asyncio.wait({running, ready}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    kafka = KafkaSettings(bootstrap_servers=endpoints.kafka_bootstrap_servers, topic_prefix=f"{unique}.")
    timeout = aiohttp.ClientTimeout(total=20)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{ports['sandbox']}", timeout=timeout) as sandbox:
            system = System(folder, environ, ports, kafka, database_url, sandbox)
            if running.done():
                running.result()
            assert ready.done(), f"not everything is ready within {START_SECONDS} s\n{system.logs()}"
            yield system
    finally:
        ready.cancel()
        running.cancel()
        await asyncio.gather(ready, running, return_exceptions=True)
