"""Hundreds of listings through their whole lives within StockX's limits, replicas killed: in hardly more calls than any
schedule needs. `python -m bench.stockx.run storm` does the same with 2,000 (bench/README.md)."""

from contextlib import AsyncExitStack

import aiohttp

from bench.stockx.fleet import fleet
from bench.stockx.scale import Scale
from bench.stockx.shop import Shop
from bench.stockx.storm import Storm, once_sent
from libs.bus.settings import KafkaSettings
from libs.db.migrate import migrate
from libs.db.pool import Database
from tests.integration.running_sandbox import sandbox

MOST = 1.15
SCALE = Scale(speed=60.0, seconds_between_requests=5.0, items_window_seconds=400.0)


async def test_listings_live_and_die_in_the_fewest_calls(kafka: KafkaSettings, database_url: str) -> None:
    async with AsyncExitStack() as stack:
        settings = {"stockx_failing": 0, "stockx_system": 0, "stockx_orders": 0, "stockx_products": 40}
        running = await stack.enter_async_context(sandbox(speed=SCALE.speed, **settings))
        database = await stack.enter_async_context(Database(database_url, application="tests", most=4))
        await migrate(database)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        replicas = await stack.enter_async_context(fleet(http, running.base, kafka, database, SCALE.settings()))
        told: list[str] = []
        storm = Storm(Shop(http, running.base), replicas, database, kafka, 200, deadline=90, tell=told.append)
        outcome = await storm.run(once_sent)
    assert outcome.refused == {}, "no 429"
    assert outcome.kills == 4
    assert outcome.used <= MOST * outcome.bound.calls, told
