"""`sellstream stockx market-data …` and `stockx dead-stock` as a person runs them, against the running service."""

import asyncio
import csv
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path

from services.market_data.report_csv import COLUMNS
from tests.integration.test_market_data import GOODS, World, world
from tests.market_data_running import KEY, USER, MarketData, environment_of, serving
from tests.projecting import scalar

__all__ = ["world"]


@dataclass
class Ended:
    status: int | None
    out: str
    err: str


@dataclass
class Shell:
    """Somebody at a shell who may ask the service."""

    service: MarketData
    group: str | None = "stockx"

    async def start(self, *arguments: str, user: str = USER) -> Process:
        environ = {**os.environ, "MARKET_DATA_URL": self.service.base, "MARKET_DATA_JWT_KEY": KEY, "COLUMNS": "200"}
        begin = [sys.executable, "-m", "services.ops.cli", *([self.group] if self.group else [])]
        program = [*begin, *arguments, "--user", user]
        return await asyncio.create_subprocess_exec(*program, env=environ, stdout=PIPE, stderr=PIPE)

    async def __call__(self, *arguments: str, user: str = USER) -> Ended:
        process = await self.start(*arguments, user=user)
        out, err = await process.communicate()
        assert b"Traceback" not in err, err.decode()
        return Ended(process.returncode, out.decode(), err.decode())


async def stocked(world: World, service: MarketData) -> None:
    await service.ended(await service.take_in(GOODS))
    await world.becomes(2, "SELECT count(*) FROM read_models.stock_items")


async def test_a_run_is_begun_followed_stopped_resumed_and_listed(world: World) -> None:
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as service:
        await stocked(world, service)
        sellstream = Shell(service)
        assert (await sellstream("market-data", "runs")).status == 0
        slow = {"marketplace": "stockx", "kind": "rate_limited", "path": "*/market-data", "retry_after": 30, "count": 1}
        await world.shop.control("POST", "/_faults", slow)
        following = await sellstream.start("market-data", "sync")
        await world.becomes(1, "SELECT count(*) FROM market.runs WHERE waits IS NOT NULL")
        following.send_signal(signal.SIGINT)
        _, err = await following.communicate()
        assert following.returncode == 130
        (run_id,) = re.findall(r"Stop it with: sellstream stockx market-data stop (\S+)", err.decode())
        second = await sellstream("market-data", "sync", "--detach")
        assert (second.status, run_id in second.err) == (1, True), "one at a time, and which it is"

        told = (await sellstream("market-data", "runs")).out
        (row,) = (line.split() for line in told.splitlines() if run_id in line)
        assert row[1] == "running"
        assert (await sellstream("market-data", "stop", run_id)).out == f"{run_id} stops\n"
        assert (await service.ended(run_id))["status"] == "stopped"

        await scalar(world.database, "UPDATE quota.counters SET closed_until = '-infinity'")
        resumed = await sellstream("market-data", "resume", run_id)
        assert (resumed.status, resumed.out) == (0, f"{run_id}: completed (2 done)\n"), resumed
        told = (await sellstream("market-data", "runs")).out
        (row,) = (line.split() for line in told.splitlines() if run_id in line)
        assert row[1:4] == ["completed", "2", "2"]
        unknown = await sellstream("market-data", "resume", "no-such-run")
        assert (unknown.status, unknown.out) == (1, "")
        assert unknown.err


async def test_dead_stock_is_told_and_written_as_a_page_and_as_csv(world: World, tmp_path: Path) -> None:
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as service:
        await stocked(world, service)
        await service.ended(await service.start("market_data"))
        await world.becomes(4, "SELECT count(*) FROM read_models.market_data")
        page, table = tmp_path / "dead.html", tmp_path / "dead.csv"
        told = await Shell(service)("dead-stock", "--html", str(page), "--csv", str(table))
        assert told.status == 0, told.err
        assert told.out.splitlines()[:2] == [f"wrote {page}", f"wrote {table}"]
        assert told.out.splitlines()[2] == "2 of 3 pairs are dead stock; they cost 81.00 USD."
        html = page.read_text()
        assert html.startswith("<!doctype html>")
        assert html.count("<svg") >= 1, "with charts"
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert tuple(rows[0]) == COLUMNS
        assert [(row["sku"], row["size"], row["quantity"]) for row in rows if row["dead"] == "yes"] == [
            ("HQ4276", "8.5", "2")
        ]
        assert all(row["stockx_lowest_ask"] for row in rows), "with what the market says"
        others = await Shell(service)("dead-stock", user="8")
        assert others.out.startswith("0 of 0 pairs"), "of the one who asks alone"


async def test_a_file_is_taken_in_or_refused_row_by_row_and_notion_is_read(world: World, tmp_path: Path) -> None:
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as service:
        sellstream = Shell(service, group=None)
        file = tmp_path / "stock.csv"
        file.write_text(f'{GOODS}[/x]1,8.5,1,,\n"\x1b[2JZZ9999",8.5,1,,\n')
        refused = await sellstream("inventory", "import", str(file))
        assert refused.status == 1
        told = [line.split() for line in refused.out.splitlines()]
        assert [(each[1], each[2]) for each in told if each and each[0].isdecimal()] == [
            ("hq-4276", "checked"),
            ("DD1391-100", "checked"),
            ("[/x]1", "not"),
            (r"\x1b[2JZZ9999", "not"),
        ], "as it is written, and nothing that a terminal obeys"
        assert refused.err.splitlines()[-1].endswith(": refused; nothing was taken in.")
        assert not await world.rows("SELECT 1 FROM read_models.stock_items")

        file.write_text(GOODS)
        taken = await sellstream("inventory", "import", str(file))
        assert (taken.status, taken.out.splitlines()[-1].partition(": ")[2]) == (0, "2 rows were taken in")
        await world.becomes(2, "SELECT count(*) FROM read_models.stock_items")

        synced = await sellstream("notion", "sync")
        assert synced.status == 0, synced.err
        assert synced.out.endswith(": completed (104 done)\n")
        await world.becomes(104, "SELECT count(*) FROM platforms.stockx_listings WHERE source = 'notion'")
