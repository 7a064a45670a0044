"""Hundreds of listings through their whole lives within StockX's limits, replicas killed: in hardly more calls than any
schedule needs. `python -m bench.stockx.run storm` does the same with 2,000 (bench/README.md)."""

import itertools
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
"""What listings may cost of the fewest calls. A call that a kill hits counts apart: here it is one of a few."""
SCALE = Scale(
    speed=60.0, seconds_between_requests=5.0, items_window_seconds=400.0, lease_seconds=5.0, gather_seconds=2.0
)


async def test_listings_live_and_die_in_the_fewest_calls(kafka: KafkaSettings, database_url: str) -> None:
    async with AsyncExitStack() as stack:
        settings = {"stockx_failing": 0, "stockx_system": 0, "stockx_orders": 0, "stockx_products": 40}
        running = await stack.enter_async_context(sandbox(speed=SCALE.speed, **settings))
        database = await stack.enter_async_context(Database(database_url, application="tests", most=4))
        await migrate(database)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        replicas = await stack.enter_async_context(fleet(http, running.base, kafka, database, SCALE.settings()))
        told: list[str] = []
        storm = Storm(Shop(http, running.base), replicas, database, kafka, 200, deadline=150, tell=told.append)
        waves = itertools.count()

        async def every_other_wave(storm: Storm) -> None:
            if next(waves) % 2 == 0:
                await once_sent(storm)

        outcome = await storm.run(every_other_wave)
    assert outcome.refused == {}, "no 429"
    assert outcome.kills == 2
    assert outcome.used <= MOST * outcome.bound.calls + outcome.kills, told
