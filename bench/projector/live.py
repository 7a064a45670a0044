"""sellstream's live read models of a dataset: filled once a run of the harness, by sellstream's own projector."""

import asyncio
import json
import sys
import time
from datetime import datetime

import asyncpg

from bench.projector.dataset import MARKETPLACE, Dataset
from bench.projector.peer import RUN_SECONDS, ProjectorFailed, Run, clean_environment
from bench.projector.table import DATABASE_PREFIX, with_database
from libs.stack.ports import free_ports
from libs.stack.process import GuardedProcess, tail

_PROGRAM = (sys.executable, "-m", "bench.projector.program")
COLUMNS_OF_PEERS = {
    "flat_orders": "read_models.flat_orders",
    "orders": """(
    SELECT marketplace, order_id, account, status, marketplace_status, placed_at, updated_at, total_amount,
           total_currency, buyer ->> 'id' AS buyer_id, lines -> 0 ->> 'item_id' AS item_id
    FROM read_models.orders
) AS orders""",
}
"""sellstream's read models, and where each has the columns of the peers' table."""


async def rebuild_missing() -> str | None:
    """Why there is no rebuild to run, or None."""
    code, output = await command("read-models", "rebuild", "--help", environment={})
    return None if code == 0 else f"`sellstream read-models rebuild` does not run: {output[-300:]}"


async def live_database(run: Run) -> str:
    """The name of a database with the live read models at the end of the log; filled when it is not there yet."""
    name = f"{DATABASE_PREFIX}live-{run.dataset.events}-{run.dataset.orders}"
    server = await asyncpg.connect(run.database_url)
    try:
        if await server.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", name):
            return name
        await server.execute(f'CREATE DATABASE "{name}"')
    finally:
        await server.close()
    url = with_database(run.database_url, name)
    try:
        await _fill(run, url)
    except BaseException:
        await _drop(run, name)
        raise
    return name


async def _fill(run: Run, url: str) -> None:
    settings = environment(run) | {"DATABASE_URL": url}
    code, output = await command("db", "migrate", environment=settings)
    if code:
        raise ProjectorFailed(f"`sellstream db migrate` ended with exit code {code}: {output[-600:]}")
    (port,) = free_ports(1)
    settings |= {"PROJECTOR_PORT": str(port), "PROJECTOR_READ_MODELS": json.dumps(list(COLUMNS_OF_PEERS))}
    log = run.folder / f"{run.name}-projector.log"
    projector = await GuardedProcess.start([*_PROGRAM, "projector"], log=log, env=clean_environment(settings))
    try:
        deadline = time.monotonic() + RUN_SECONDS
        while not await _at_the_end(url, run.dataset):
            if projector.exit_code is not None or time.monotonic() > deadline:
                raise ProjectorFailed(f"the projector did not fill the live table; the end of {log}:\n{tail(log)}")
            await asyncio.sleep(0.5)
    finally:
        await projector.stop()


async def _at_the_end(url: str, dataset: Dataset) -> bool:
    ends: list[tuple[str, datetime]] = [(end.order_id, end.updated_at) for end in dataset.last_of_each_partition()]
    orders, times = map(list, zip(*ends, strict=True))
    connection = await asyncpg.connect(url)
    try:
        for table in COLUMNS_OF_PEERS:
            if await connection.fetchval("SELECT to_regclass($1)", f"read_models.{table}") is None:
                return False
            found = await connection.fetchval(
                f"SELECT count(*) FROM read_models.{table} JOIN unnest($1::text[], $2::timestamptz[]) AS final "  # noqa: S608
                "(order_id, updated_at) USING (order_id, updated_at) WHERE marketplace = $3",
                orders,
                times,
                MARKETPLACE,
            )
            if found != len(ends):
                return False
        return True
    finally:
        await connection.close()


async def clone(run: Run, template: str) -> None:
    """Put a copy of the template in the place of the run's empty database."""
    name = run.database_url.rpartition("/")[2]
    await _drop(run, name)
    server = await asyncpg.connect(with_database(run.database_url, "postgres"))
    try:
        await server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        await server.execute("CHECKPOINT")
    finally:
        await server.close()


async def _drop(run: Run, name: str) -> None:
    server = await asyncpg.connect(with_database(run.database_url, "postgres"))
    try:
        await server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await server.close()


async def begin_command(*arguments: str, environment: dict[str, str]) -> asyncio.subprocess.Process:
    """Start a `sellstream` command; all that it says comes from its standard output."""
    return await asyncio.create_subprocess_exec(
        *_PROGRAM,
        "ops",
        *arguments,
        env=clean_environment(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def command(*arguments: str, environment: dict[str, str]) -> tuple[int, str]:
    """Run a `sellstream` command; answers its exit code and output."""
    process = await begin_command(*arguments, environment=environment)
    try:
        output, _ = await asyncio.wait_for(process.communicate(), RUN_SECONDS)
    except BaseException:
        process.terminate()
        await process.wait()
        raise
    assert process.returncode is not None
    return process.returncode, output.decode(errors="replace").strip()


def environment(run: Run) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": run.bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": run.dataset.prefix,
        "DATABASE_URL": run.database_url,
        "SELLSTREAM_STATE_DIR": str(run.folder / "state"),
    }
