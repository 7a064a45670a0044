"""Items named by orders, questions, listings and files become jobs: once, not again too soon, and never lost."""

import asyncio
import json
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from libs.bus.consumer import Consumer, Tuning
from libs.db.pool import Database
from libs.jobs import JobQueue
from libs.marketplaces.mercadolibre.jobs import QUEUE
from schemas.search_runs.search_run_changed import SearchResult, SearchRunChangedV1, SearchRunStatus
from services.mercadolibre_enricher.dispatch import TOPICS, on_records
from services.mercadolibre_enricher.fallbacks.import_rows import Format
from services.mercadolibre_enricher.fallbacks.importing import SomebodyElse, import_file
from services.mercadolibre_enricher.fallbacks.seeds import Seed, Seeds, Source
from services.mercadolibre_enricher.handlers import Deps
from tests.facts import at, listing, order, publish, question
from tests.projecting import scalar, until

DAY = timedelta(days=1)


class Stopped(Exception):
    """What breaks work off in the middle, in these tests."""


ALL = "SELECT count(*) FROM ops.jobs WHERE queue = 'mercadolibre' AND job_type = 'enrich'"


@pytest.fixture
def seeds(database: Database) -> Seeds:
    return Seeds(JobQueue(database, QUEUE), DAY)


async def end_all(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("UPDATE ops.jobs SET status = 'succeeded'")


async def age(database: Database, by: timedelta) -> None:
    async with database.connection() as connection:
        await connection.execute("UPDATE ops.item_seeds SET queued_at = queued_at - $1::interval", by)


async def test_an_item_is_queued_once_and_again_when_it_is_old(database: Database, seeds: Seeds) -> None:
    twice = [Seed("MLM1", Source.ORDER, "acme"), Seed("MLM1", Source.QUESTION), Seed("MLM2", Source.LISTING)]
    first = await seeds.plant(twice)
    assert first.queued == {"MLM1", "MLM2"}
    assert (await seeds.plant(twice)).known == {"MLM1", "MLM2"}
    payload = await scalar(database, "SELECT payload_json FROM ops.jobs WHERE dedupe_key = 'enrich:MLM1'")
    assert json.loads(str(payload)) == {"item_id": "MLM1", "source": "order", "account": "acme"}

    await end_all(database)
    assert not (await seeds.plant(twice)).queued, "finished, but not long ago"
    await age(database, DAY)
    assert (await seeds.plant([Seed("MLM1", Source.IMPORT)])).queued == {"MLM1"}
    told = await scalar(database, "SELECT payload_json->>'account' FROM ops.jobs ORDER BY id DESC LIMIT 1")
    assert told == "acme", "whose item it is stays known"


async def test_an_unfinished_job_keeps_a_second_one_away_however_old_it_is(database: Database, seeds: Seeds) -> None:
    await seeds.plant([Seed("MLM1", Source.ORDER)])
    await age(database, 2 * DAY)
    assert not (await seeds.plant([Seed("MLM1", Source.ORDER)])).queued
    assert await scalar(database, ALL) == 1


async def test_many_at_the_same_time_queue_each_item_once(database: Database, seeds: Seeds) -> None:
    batches = [[Seed(f"MLM{n}", Source.ORDER) for n in (range(20) if i % 2 else range(19, -1, -1))] for i in range(8)]
    planted = await asyncio.gather(*(seeds.plant(batch) for batch in batches))
    assert sum(len(one.queued) for one in planted) == 20
    assert await scalar(database, ALL) == 20


async def test_the_oldest_are_queued_again_so_many_at_a_time(database: Database, seeds: Seeds) -> None:
    await seeds.plant([Seed(f"MLM{n}", Source.ORDER, "acme") for n in range(5)])
    await end_all(database)
    assert not (await seeds.plant_again(10)).queued
    await age(database, DAY)
    assert len((await seeds.plant_again(3)).queued) == 3
    assert len((await seeds.plant_again(10)).queued) == 2
    assert not (await seeds.plant_again(10)).queued
    await end_all(database)
    await age(database, DAY)
    assert not (await seeds.plant_again(10)).queued, "nobody named them: the next wait is longer"
    await age(database, DAY)
    assert len((await seeds.plant_again(10)).queued) == 5


async def test_a_rolled_back_batch_leaves_neither_job_nor_note(database: Database, seeds: Seeds) -> None:
    async def fail_behind_it() -> None:
        async with database.transaction() as connection:
            await seeds.plant_in(connection, [Seed("MLM1", Source.ORDER)])
            raise Stopped

    with pytest.raises(Stopped):
        await fail_behind_it()
    assert (await seeds.plant([Seed("MLM1", Source.ORDER)])).queued == {"MLM1"}


async def test_facts_name_items(kafka, publisher, database: Database, seeds: Seeds) -> None:
    other_marketplace = order(5).model_copy(update={"marketplace": "ebay"})
    no_item = question(9).model_copy(update={"listing_id": "110123"})
    await publish(publisher, order(1), question(2), listing(3).model_copy(update={"listing_id": "MLM3"}))
    await publish(publisher, other_marketplace, no_item, order(6))
    await publish(publisher, search_run("MLM7", "MLM8"), search_run("MLM9", status=SearchRunStatus.FAILED))
    stop = asyncio.Event()
    consumer = Consumer(kafka, "mercadolibre_enricher", TOPICS, publisher, Tuning())
    working = asyncio.create_task(consumer.run(partial(on_records, deps=Deps({}), seeds=seeds), stop))

    async def named() -> bool:
        return await scalar(database, ALL) == 4

    try:
        await until(named, "jobs for MLB1 (orders and question), MLM3 (listing), MLM7 and MLM8 (search)")
    finally:
        stop.set()
        await working
    found = await scalar(database, "SELECT array_agg(item_id ORDER BY item_id) FROM ops.item_seeds")
    assert found == ["MLB1", "MLM3", "MLM7", "MLM8"]


def search_run(*items: str, status: SearchRunStatus = SearchRunStatus.SUCCEEDED) -> SearchRunChangedV1:
    return SearchRunChangedV1(
        marketplace="mercadolibre",
        search_run_id=len(items),
        site_id="MLM",
        query_text="tenis",
        status=status,
        http_status=200,
        started_at=at(0),
        finished_at=at(1),
        results=[SearchResult(item_id=item) for item in items],
        updated_at=at(1),
    )


# --- Files


def written(folder: Path, rows: int = 25) -> Path:
    file = folder / "items.csv"
    lines = [f"MLM{n % 20}" if n % 5 else "nonsense" for n in range(rows)]
    file.write_text("item_id\n" + "\n".join(lines) + "\n")
    return file


def told(report: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in report.read_text().splitlines()]


async def test_a_file_is_imported_once_row_by_row(tmp_path: Path, database: Database, seeds: Seeds) -> None:
    file, report = written(tmp_path), tmp_path / "report.jsonl"
    seen: list[tuple[int, int]] = []
    done = await import_file(
        file, Format.CSV, database, seeds, report, batch_rows=10, progress=lambda *at: seen.append(at)
    )
    assert (done.rows, done.queued, done.known, done.refused) == (25, 16, 4, 5)
    assert seen[-1] == (file.stat().st_size, file.stat().st_size)
    lines = told(report)
    assert [line["row"] for line in lines] == list(range(1, 26))
    assert lines[0] == {"row": 1, "outcome": "refused", "reason": lines[0]["reason"]}
    assert await scalar(database, ALL) == 16

    again = await import_file(file, Format.CSV, database, seeds, report)
    assert again.finished_at is not None
    assert (again.rows, again.queued) == (25, 16)
    anew = await import_file(file, Format.CSV, database, seeds, report, again=True)
    assert (anew.rows, anew.queued, anew.known) == (25, 0, 20)


async def test_an_import_that_was_stopped_goes_on_behind_its_last_batch(
    tmp_path: Path, database: Database, seeds: Seeds
) -> None:
    file, report = written(tmp_path), tmp_path / "report.jsonl"

    def stop(done: int, _all: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        await import_file(file, Format.CSV, database, seeds, report, batch_rows=10, progress=stop)
    with report.open("a") as more:
        more.write('{"row": 11, "outcome": "queued"}\n{"row": 12, "out')  # of a batch that was never committed
    done = await import_file(file, Format.CSV, database, seeds, report, batch_rows=10)
    assert done.resumed_at == 10
    assert (done.rows, done.queued, done.known, done.refused) == (25, 16, 4, 5)
    assert [line["row"] for line in told(report)] == list(range(1, 26))


async def test_two_imports_of_one_file_do_not_mix(tmp_path: Path, database: Database, seeds: Seeds) -> None:
    file = written(tmp_path, 200)
    results = await asyncio.gather(
        *(import_file(file, Format.CSV, database, seeds, tmp_path / f"r{n}", batch_rows=5) for n in range(3)),
        return_exceptions=True,
    )
    assert all(isinstance(one, SomebodyElse) or not isinstance(one, BaseException) for one in results)
    await import_file(file, Format.CSV, database, seeds, tmp_path / "last")
    assert await scalar(database, "SELECT rows_done FROM ops.item_imports") == 200
    assert await scalar(database, ALL) == 16


async def test_the_command_imports_reports_and_tells(tmp_path: Path, database: Database, database_url: str) -> None:
    file = written(tmp_path)

    async def run(*arguments: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "services.mercadolibre_enricher.fallbacks.import_command", *arguments),
            env={"DATABASE_URL": database_url, "PATH": "/usr/bin:/bin"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode, output.decode()

    status, output = await run(str(file))
    assert (status, output.splitlines()[0]) == (0, "25 rows: 16 queued, 4 known already, 5 refused.")
    assert len(told(tmp_path / "items.csv.report.jsonl")) == 25
    status, output = await run(str(file), "--format", "jsonl", "--again")
    assert (status, "0 queued, 0 known already, 26 refused" in output) == (0, True)
