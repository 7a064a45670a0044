"""Kill -9 in the middle of both syncs, restart: the tables are those of runs that nobody interrupted."""

import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.projection.rebuild import Rebuild
from libs.read_models.inventory.project import READ_MODEL as INVENTORY
from libs.read_models.offers.project import READ_MODEL as OFFERS
from tests.ebay_syncing import EBAY_TOPICS, Sync, accounts_of, environment_of, serving
from tests.integration.running_sandbox import sandbox
from tests.projecting import projecting, scalar, until
from tests.serving import process

TOPICS = EBAY_TOPICS
ITEMS = 240
OF_THE_MOMENT = {"key", "account", "event_id", "correlation_id", "log_topic", "log_partition", "log_offset"} | {
    "rec_created",
    "rec_updated",
    "updated_at",
}


@asynccontextmanager
async def replica(environment: dict[str, str], http: aiohttp.ClientSession) -> AsyncIterator[tuple[Sync, Process]]:
    """The service as a process of its own, killed at the end if it still runs."""
    async with process("ebay_sync", environment, http) as (base, running):
        yield Sync(http, base), running


async def table(database: Database, model: Any, account: str) -> list[tuple[Any, ...]]:
    columns = [name for name in model.columns if name not in OF_THE_MOMENT]
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {', '.join(columns)} FROM read_models.{model.name} WHERE account = $1 ORDER BY key", account
        )
    return [tuple(row) for row in rows]


async def test_killed_in_the_middle_and_restarted(
    kafka: KafkaSettings, publisher: Publisher, database_url: str
) -> None:
    async with AsyncExitStack() as stack:
        shop = await stack.enter_async_context(sandbox(ebay_items=ITEMS, ebay_orders=0, ebay_sellers=1))
        database = await stack.enter_async_context(Database(database_url, application="tests", most=20))
        await migrate(database)
        for model in (INVENTORY, OFFERS):
            await stack.enter_async_context(projecting(model, kafka, publisher, database))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        seller = (await accounts_of(shop))[0]
        whole, killed = {**seller, "account": "whole"}, {**seller, "account": "killed"}
        async with serving(environment_of(shop, kafka, database, [whole])) as sync:
            expected = [await sync.synced(kind) for kind in ("inventory", "offers")]
        environment = environment_of(shop, kafka, database, [killed], lease="PT2S", pace__page_size="40")
        await shop.control("PATCH", "/_ebay/switches", {"latency": 0.05})
        async with replica(environment, http) as (sync, running):
            runs = [await sync.start("inventory"), await sync.start("offers")]
            await until_fetched(database, runs[0], ITEMS // 4)
            running.send_signal(signal.SIGKILL)  # both are reading pages
        async with replica(environment, http) as (sync, running):
            await until_fetched(database, runs[1], ITEMS // 4)
            running.send_signal(signal.SIGKILL)  # the offers run is half through its SKUs
        async with replica(environment, http) as (sync, _):
            found = [await sync.done(run_id) for run_id in runs]
        for one, other in zip(found, expected, strict=True):
            assert one["status"] == "completed"
            counts = one["counts"]
            assert counts["fetched"] == other["counts"]["fetched"], "nothing is lost, and nothing is counted twice"
            assert counts["stored"] + counts["unchanged"] == counts["fetched"]
        inventory, offers = [
            await scalar(database, "SELECT fence FROM ebay_sync.runs WHERE run_id = $1", run_id) for run_id in runs
        ]
        assert inventory in (2, 3), "it was killed, once or twice, and taken up each time"
        assert offers == 3
        for model in (INVENTORY, OFFERS):
            assert await table(database, model, "killed") == await table(database, model, "whole"), model.name
            proof = await Rebuild(model, kafka, database).verify()
            assert proof.equal, "a rebuild from the topics gives the same table"
        assert len(await table(database, INVENTORY, "killed")) == ITEMS


async def until_fetched(database: Database, run_id: str, number: int) -> None:
    async def far_enough() -> bool:
        sql = "SELECT coalesce((counts->>'fetched')::int, 0) > $2 FROM ebay_sync.runs WHERE run_id = $1"
        return bool(await scalar(database, sql, run_id, number))

    await until(far_enough, f"more than {number} are fetched by {run_id}", 60)
