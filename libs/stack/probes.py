"""Whether Kafka and PostgreSQL answer. Both probes are one round trip by the client that the services use."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

import asyncpg
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from libs.stack.errors import StackError

# While a broker starts, refused connections are what is expected, not an error worth a line for each try. Only the
# probe's own tasks are silenced: other clients of this program go on reporting.
_probing: ContextVar[bool] = ContextVar("probing", default=False)


def _not_of_a_probe(_: logging.LogRecord) -> bool:
    return not _probing.get()


for _name in ("aiokafka", "aiokafka.conn", "aiokafka.cluster"):
    logging.getLogger(_name).addFilter(_not_of_a_probe)


async def kafka_brokers(bootstrap_servers: str) -> set[int]:
    """The ids of the brokers that a metadata request names; empty when nothing answers."""
    client = AIOKafkaClient(
        bootstrap_servers=bootstrap_servers,
        client_id="sellstream-probe",
        request_timeout_ms=3000,
        metadata_max_age_ms=3000,
    )
    quiet = _probing.set(True)
    try:
        await client.bootstrap()
        return {broker.nodeId for broker in client.cluster.brokers()}
    except (KafkaError, OSError, TimeoutError):
        return set()
    finally:
        await client.close()
        _probing.reset(quiet)


async def postgres_answers(database_url: str) -> str | None:
    """None when `SELECT 1` works, else what went wrong."""
    try:
        connection = await asyncpg.connect(database_url, timeout=5)
        try:
            await connection.fetchval("SELECT 1", timeout=5)
        finally:
            await connection.close(timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return f"{type(error).__name__}: {error}"
    return None


async def ensure_database(maintenance_url: str, name: str) -> None:
    """Create the database `name` unless it exists; `maintenance_url` leads to another database of the same server."""
    connection = await asyncpg.connect(maintenance_url, timeout=10)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close(timeout=10)


async def until(
    condition: Callable[[], Awaitable[bool]],
    *,
    timeout: float,  # noqa: ASYNC109 - the error's text names it
    expired: Callable[[], str],
    pause: float = 0.1,
) -> None:
    """Ask `condition` until it is true; raises StackError with the text of `expired` after `timeout` seconds."""
    deadline = asyncio.get_running_loop().time() + timeout
    while not await condition():
        if asyncio.get_running_loop().time() > deadline:
            raise StackError(expired())
        await asyncio.sleep(pause)
