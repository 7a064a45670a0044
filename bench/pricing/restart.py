"""`python -m bench.pricing.restart`: how long a worker with nothing on its disk needs to recover its tables.

The products' table of 100,000 listings is put into its changelog topic, as a worker would have written it; then pricing
is started as a process of its own, and asked until it is ready.
"""

import asyncio
import os
import time
from typing import Annotated
from uuid import uuid4

import aiohttp
import asyncpg
import psutil
import typer

from bench.pricing.latency import pricing_process
from bench.pricing.ours import board
from bench.pricing.world import World
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.topics import apply_topics
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.stack import choose_stack, state_folder
from libs.stack.locks import unused_folder
from libs.stack.ports import free_ports
from libs.telemetry.log import configure_logs
from schemas.topics import topics
from services.pricing.messages import PARTITIONS, PRODUCTS_TABLE, internal_topics

_AT_ONCE = 2_000
_LONGEST_SECONDS = 300.0


async def measure(listings: int) -> tuple[int, list[tuple[float, float]]]:
    """Products; seconds until ready, and of work, with empty tables and with theirs."""
    with unused_folder(state_folder(os.environ) / "bench") as folder:
        async with choose_stack(os.environ, folder) as endpoints:
            seconds = []
            products: dict[str, bytes] = {}
            for filled in (False, True):
                name = f"bench_restart_{uuid4().hex[:8]}"
                kafka = KafkaSettings(bootstrap_servers=endpoints.kafka_bootstrap_servers, topic_prefix=f"{name}.")
                needed = (*topics().values(), *internal_topics("pricing"))
                await apply_topics(kafka.bootstrap_servers, needed, prefix=kafka.topic_prefix)
                if filled:
                    _, products, _ = board(World.of(listings))
                    await _fill(kafka, products)
                server = await asyncpg.connect(endpoints.database_url)
                await server.execute(f"CREATE DATABASE {name}")
                url = endpoints.database_url.rpartition("/")[0] + f"/{name}"
                try:
                    async with Database(url, application="bench") as database:
                        await migrate(database)
                    seconds.append(await _until_ready(kafka, url))
                finally:
                    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
                    await server.close()
            return len(products), seconds


async def _fill(kafka: KafkaSettings, products: dict[str, bytes]) -> None:
    """The changelog's records: the table's keys are JSON texts, and name the partition."""
    rows = [
        (f"{number % PARTITIONS}/{key.partition('/')[2]}", value)
        for number, (key, value) in enumerate(products.items())
    ]
    async with Publisher(kafka, "bench") as publisher:
        for begin in range(0, len(rows), _AT_ONCE):
            await asyncio.gather(
                *(
                    publisher.send(f"pricing-{PRODUCTS_TABLE}-changelog", f'"{key}"'.encode(), value, [])
                    for key, value in rows[begin : begin + _AT_ONCE]
                )
            )


async def _until_ready(kafka: KafkaSettings, url: str) -> tuple[float, float]:
    """Seconds by the clock, and seconds of the process's own work."""
    port = free_ports(1)[0]
    began = time.perf_counter()
    async with (
        asyncio.timeout(_LONGEST_SECONDS),
        pricing_process(kafka, url, port) as process,
        aiohttp.ClientSession() as session,
    ):
        while True:
            await asyncio.sleep(0.1)
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.status == 200:
                        used = psutil.Process(process).cpu_times()
                        return time.perf_counter() - began, used.user + used.system
            except aiohttp.ClientConnectionError:
                continue


def main(listings: Annotated[int, typer.Option(min=10)] = 100_000) -> None:
    """Seconds until a worker is ready, with empty tables and with those of so many listings."""
    configure_logs("bench", level="CRITICAL")
    products, seconds = asyncio.run(measure(listings))
    told = f"{products:,} products ({listings:,} listings)"
    for (clock, work), tables in zip(seconds, ("empty tables", told), strict=True):
        print(f"ready after {clock:.1f} s, {work:.1f} s of them work of its own, with {tables}")


if __name__ == "__main__":
    typer.run(main)
