"""`sellstream read-models` and `sellstream db`, as a person runs them; the projector as a process."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.read_models.orders.project import READ_MODEL as ORDERS
from libs.stack.ports import free_ports
from schemas.orders.order_changed import OrderStatus
from tests.facts import order, publish
from tests.projecting import projecting, scalar, until, until_read


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Command:
    """The command `sellstream` in this test's environment."""

    environment: dict[str, str]

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.ops.cli",
            *arguments,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def __call__(self, *arguments: str) -> Answer:
        process = await self.start(*arguments)
        out, err = await process.communicate()
        assert process.returncode is not None
        return Answer(process.returncode, out.decode(), err.decode())

    async def status(self) -> dict[str, Any]:
        answer = await self("read-models", "status", "--json")
        assert answer.code == 0, answer.err
        return {one["name"]: one for one in json.loads(answer.out)}


@pytest.fixture
def sellstream(kafka: KafkaSettings, database_url: str) -> Command:
    return command(kafka, database_url)


def command(kafka: KafkaSettings, database_url: str) -> Command:
    return Command(
        {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
            "DATABASE_URL": database_url,
        }
    )


@pytest.fixture
async def live(kafka: KafkaSettings, publisher: Publisher, database: Database) -> AsyncIterator[None]:
    async with projecting(ORDERS, kafka, publisher, database):
        await publish(publisher, *(order(n, minute) for minute in range(2) for n in range(10)))
        await until_read(database, ORDERS, 20)
        yield


async def test_migrate_can_be_repeated_and_what_lacks_it_says_so(kafka: KafkaSettings, unmigrated_url: str) -> None:
    sellstream = command(kafka, unmigrated_url)
    before = await sellstream("read-models", "status")
    assert before.code == 1
    assert "sellstream db migrate" in before.err
    first = await sellstream("db", "migrate")
    assert first.code == 0
    assert "applied  0001_projection.sql" in first.out
    second = await sellstream("db", "migrate")
    assert (second.code, second.out) == (0, "Nothing to do: every migration is applied.\n")
    empty = await sellstream("read-models", "status")
    assert empty.code == 0
    assert "orders  version 1, not begun" in empty.out


async def test_status_shows_where_everything_stands(
    sellstream: Command, publisher: Publisher, database: Database, live: None
) -> None:
    await publish(publisher, order(99))
    await until_read(database, ORDERS, 21)
    answer = await sellstream("read-models", "status")
    assert answer.code == 0
    assert "orders  version 1, 11 rows, 0 records skipped, lag 0" in answer.out
    assert "orders:0" in answer.out
    rebuilt = await sellstream("read-models", "rebuild", "orders")
    assert rebuilt.code == 0, rebuilt.err
    orders = (await sellstream.status())["orders"]
    assert {build["place"]: build["rows"] for build in orders["builds"]} == {"live": 11, "retired": 11}
    assert len(orders["partitions"]) == 6
    assert orders["lag"] == 0
    assert sum(one["next_offset"] for one in orders["partitions"]) == 21
    assert any(one["last_applied_at"] for one in orders["partitions"])


async def test_rebuild_prints_the_proof_and_the_way_back(sellstream: Command, database: Database, live: None) -> None:
    answer = await sellstream("read-models", "rebuild", "orders")
    assert answer.code == 0
    lines = answer.out.splitlines()
    live_line, rebuilt_line = lines[1].split(), lines[2].split()
    assert (live_line[0], rebuilt_line[0]) == ("live", "rebuilt")
    assert live_line[1] == rebuilt_line[1]
    assert len(live_line[1]) == len("sha256:") + 64
    assert "10 rows, version 1" in lines[1]
    assert "Equal: the live table is exactly what the log makes of it." in lines
    assert "building rebuild.orders: 20 records" in answer.err
    assert "sellstream read-models rollback orders" in answer.out
    back = await sellstream("read-models", "rollback", "orders")
    assert back.code == 0
    assert "read_models.orders is the table of version 1 again" in back.out


async def test_differences_are_shown_before_they_are_swapped(
    sellstream: Command, database: Database, live: None
) -> None:
    await database_tampered(database)
    verified = await sellstream("read-models", "verify", "orders")
    assert verified.code == 1
    assert "1 rows added, 0 removed, 1 changed by a swap" in verified.out
    assert "changed  mercadolibre:3  (status)" in verified.out
    assert "added    mercadolibre:4" in verified.out
    dry = await sellstream("read-models", "rebuild", "orders", "--dry-run")
    assert dry.code == 0
    assert "Dry run: nothing was changed." in dry.out
    refused = await sellstream("read-models", "rebuild", "orders")
    assert refused.code == 3
    assert "Not swapped" in refused.out
    assert [b["place"] for b in (await sellstream.status())["orders"]["builds"]] == ["live", "shadow"]
    accepted = await sellstream("read-models", "rebuild", "orders", "--accept-differences")
    assert accepted.code == 0
    assert "Went on with the unfinished rebuild." in accepted.out
    assert (await sellstream("read-models", "verify", "orders")).code == 0


async def database_tampered(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("UPDATE read_models.orders SET status = 'returned' WHERE order_id = '3'")
        await connection.execute("DELETE FROM read_models.orders WHERE order_id = '4'")


async def test_a_state_of_the_past_gets_a_schema_of_its_own(
    sellstream: Command, database: Database, live: None
) -> None:
    vector = ",".join(f"orders:{number}:1" for number in range(6))
    answer = await sellstream("read-models", "rebuild", "orders", "--until", vector)
    assert answer.code == 0, answer.err
    schema = answer.out.split("DROP SCHEMA ")[1].split()[0]
    assert schema.startswith("orders_as_of_offsets_")
    assert await scalar(database, f"SELECT count(*) FROM {schema}.orders") == 6
    early = await sellstream("read-models", "rebuild", "orders", "--until", "2020-01-01T00:00:00Z")
    assert "0 rows in orders_as_of_20200101t000000z.orders" in early.out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("rebuild", "parcels"), "No read model is called 'parcels'"),
        (("rebuild", "orders", "--until", "yesterday"), "neither a time"),
        (("rebuild", "orders", "--until", "2999-01-01T00:00:00Z"), "lies in the future"),
        (("rebuild", "orders", "--until", "orders:0:1", "--dry-run"), "--until swaps nothing"),
        (("rollback", "orders"), "no retired table"),
    ],
)
async def test_what_cannot_be_done_is_told_in_a_sentence(
    sellstream: Command, database: Database, arguments: tuple[str, ...], text: str
) -> None:
    answer = await sellstream("read-models", *arguments)
    assert answer.code == 1
    assert text in answer.err
    assert "Traceback" not in answer.err


async def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(sellstream: Command, database: Database, live: None) -> None:
    async with database.transaction() as reader:
        await reader.execute("SELECT count(*) FROM read_models.orders")  # keeps the swap waiting
        process = await sellstream.start("read-models", "rebuild", "orders")
        assert process.stderr is not None
        while b"a reader holds the live table" not in await process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert process.returncode == 130
    assert "Go on with: sellstream read-models rebuild orders" in err.decode()
    answer = await sellstream("read-models", "rebuild", "orders")
    assert answer.code == 0
    assert "Went on with the unfinished rebuild." in answer.out


async def test_the_projector_is_a_process_that_becomes_ready_and_stops_in_order(
    sellstream: Command, publisher: Publisher, database: Database
) -> None:
    (port,) = free_ports(1)
    environment = sellstream.environment | {"PROJECTOR_PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.projector", env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with aiohttp.ClientSession() as session:

            async def ready() -> bool:
                try:
                    async with session.get(f"http://127.0.0.1:{port}/readyz") as response:
                        return response.status == 200
                except aiohttp.ClientConnectionError:
                    return False

            await until(ready, "the projector is ready")
            await publish(publisher, *(order(n) for n in range(5)), order(1, 1, OrderStatus.PAID))
            await until_read(database, ORDERS, 6)
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    assert await scalar(database, "SELECT status FROM read_models.orders WHERE order_id = '1'") == "paid"
