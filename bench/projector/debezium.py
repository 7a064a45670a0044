"""Debezium's JDBC sink connector in a standalone Kafka Connect worker, tuned: two tasks, reduction buffer, big batches.

The worker and the connector are up, but stopped, before the clock starts; it ends when the last row of each partition
is committed. The values are flat rows with their schema inside, because Connect's JSON converter has no other form that
a JDBC sink takes; a nested fact would first have to be flattened by somebody.
"""

import asyncio
import json
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiohttp
import asyncpg

from bench.cpu import Stopwatch
from bench.projector.dataset import MARKETPLACE, Dataset
from bench.projector.peer import RUN_SECONDS, ProjectorFailed, ProjectorScale, Run, clean_environment
from bench.projector.table import create_table, difference
from libs.stack import StackError, cache_folder, state_folder
from libs.stack.jars import read_lock, resolve_jars
from libs.stack.java import find_java
from libs.stack.ports import free_ports
from libs.stack.process import GuardedProcess, tail

_LOCK = Path(__file__).with_name("connect-jars.lock")
_BATCH = 10_000
_START_SECONDS = 120.0
_LOOKS_PER_STATUS = 20
_FINAL = """
    SELECT count(*) FROM unnest($2::text[], $3::timestamptz[]) AS final (order_id, updated_at)
    WHERE final.updated_at =
        (SELECT orders.updated_at FROM orders WHERE marketplace = $1 AND orders.order_id = final.order_id)
"""
"""How many of these orders have their last state."""
_JVM = ("-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Djava.awt.headless=true")


class DebeziumJdbc:
    """The connector, as its documentation and Connect's suggest for a high rate."""

    name = "debezium_jdbc"
    title = "Debezium JDBC sink (Kafka Connect)"
    note = "two tasks, reduction buffer, batches of 10,000; flat rows with schema instead of facts; JVM started before"

    def __init__(self) -> None:
        self._java = Path()
        self._jars: list[Path] = []

    async def skipped(self) -> str | None:
        cache = cache_folder(os.environ, state_folder(os.environ))
        try:
            self._java = await asyncio.to_thread(find_java)
            self._jars = await resolve_jars(cache.path, read_lock(_LOCK))
        except StackError as error:
            return str(error)
        return None

    def version(self) -> str:
        return ", ".join(f"{name} {_locked(name)}" for name in ("debezium-connector-jdbc", "connect-runtime"))

    def dataset(self, scale: ProjectorScale) -> Dataset:
        return Dataset(*scale.full, form="rows")

    async def difference(self, run: Run) -> str | None:
        return await difference(run.database_url, run.dataset.expected)

    async def project(self, run: Run) -> dict[str, float | None]:
        await create_table(run.database_url)
        (port,) = free_ports(1)
        files = run.folder / run.name
        files.mkdir(parents=True, exist_ok=True)
        (files / "worker.properties").write_text(_properties(_worker(run, port, files)), encoding="utf-8")
        (files / "connector.json").write_text(
            json.dumps({"name": run.name, "initial_state": "STOPPED", "config": _connector(run)}), encoding="utf-8"
        )
        log = files / "connect.log"
        log.unlink(missing_ok=True)
        (files / "offsets").unlink(missing_ok=True)
        classpath = os.pathsep.join(map(str, self._jars))
        command = [str(self._java), *_JVM, "-cp", classpath, "org.apache.kafka.connect.cli.ConnectStandalone"]
        worker = await GuardedProcess.start(
            [*command, str(files / "worker.properties"), str(files / "connector.json")],
            log=log,
            env=clean_environment({}),
        )
        try:
            return await _measured(run, worker, f"http://127.0.0.1:{port}/connectors/{run.name}", log)
        finally:
            await worker.stop()
            (files / "connector.json").unlink()  # it holds the database's password


async def _measured(run: Run, worker: GuardedProcess, url: str, log: Path) -> dict[str, float | None]:
    ends = run.dataset.last_of_each_partition()
    orders, times = [end.order_id for end in ends], [end.updated_at for end in ends]
    connection = await asyncpg.connect(run.database_url)
    # Six look-ups by the key, whatever the table was when it was looked at first: a scan of it would be slow for the
    # connector, whose CPU and time it takes.
    await connection.execute("SET plan_cache_mode = force_custom_plan; SET enable_seqscan = off")
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        await _until_stopped(session, url, worker, log)
        watch = Stopwatch({"process": worker.pid, "postgres": run.postmaster})
        watch.start()
        async with session.put(f"{url}/resume", json={}) as answer:
            answer.raise_for_status()
        deadline = asyncio.get_running_loop().time() + RUN_SECONDS
        looked = 0
        while len(ends) > await connection.fetchval(_FINAL, MARKETPLACE, orders, times):
            looked += 1
            if worker.exit_code is not None or asyncio.get_running_loop().time() > deadline:
                raise ProjectorFailed(f"the connector did not finish; the end of {log}:\n{tail(log)}")
            if looked % _LOOKS_PER_STATUS == 0 and await _failed(session, url):
                raise ProjectorFailed(f"a task failed; the end of {log}:\n{tail(log, 40)}")
            await asyncio.sleep(0.1)
        spent = watch.stop()
    await connection.close()
    return spent


async def _until_stopped(session: aiohttp.ClientSession, url: str, worker: GuardedProcess, log: Path) -> None:
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    while worker.exit_code is None and asyncio.get_running_loop().time() < deadline:
        try:
            async with session.get(f"{url}/status") as answer:
                if answer.status == 200 and (await answer.json())["connector"]["state"] == "STOPPED":
                    return
        except aiohttp.ClientError:  # the worker is not listening yet
            pass
        await asyncio.sleep(0.2)
    raise ProjectorFailed(f"Kafka Connect did not start; the end of {log}:\n{tail(log)}")


async def _failed(session: aiohttp.ClientSession, url: str) -> bool:
    async with session.get(f"{url}/status") as answer:
        status = await answer.json()
    return any(part["state"] == "FAILED" for part in (status["connector"], *status["tasks"]))


def _worker(run: Run, port: int, files: Path) -> dict[str, object]:
    return {
        "bootstrap.servers": run.bootstrap_servers,
        "listeners": f"http://127.0.0.1:{port}",
        "offset.storage.file.filename": files / "offsets",
        "offset.flush.interval.ms": 10_000,
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "true",
        "plugin.discovery": "only_scan",
    }


def _connector(run: Run) -> dict[str, str]:
    parts = urlsplit(run.database_url)
    # stringtype=unspecified: PostgreSQL reads times and numbers from text by the column's type.
    options = "reWriteBatchedInserts=true&stringtype=unspecified"
    return {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "tasks.max": "2",
        "topics": run.dataset.topic,
        "connection.url": f"jdbc:postgresql://{parts.hostname}:{parts.port or 5432}{parts.path}?{options}",
        "connection.username": unquote(parts.username or ""),
        "connection.password": unquote(parts.password or ""),
        "insert.mode": "upsert",
        "primary.key.mode": "record_value",
        "primary.key.fields": "marketplace,order_id",
        "schema.evolution": "none",
        "collection.name.format": "orders",
        "use.reduction.buffer": "true",
        "batch.size": str(_BATCH),
        "consumer.override.max.poll.records": str(_BATCH),
        "consumer.override.fetch.min.bytes": "1000000",
        "consumer.override.fetch.max.wait.ms": "50",
        "consumer.override.max.partition.fetch.bytes": "16000000",
    }


def _properties(settings: dict[str, object]) -> str:
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _locked(artifact: str) -> str:
    return next(jar.version for jar in read_lock(_LOCK) if jar.artifact == artifact)
