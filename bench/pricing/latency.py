"""`python -m bench.pricing.latency`: from an input's fact to its opportunity's; writes bench/pricing_latency.json.

One change at a time, pricing as a process of its own. The clock begins with the timestamp that the input's record
got from its producer, just before it was appended, and ends when a consumer has read the opportunity's fact; for the
cost rule: the fact of the last opportunity that follows from it.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from uuid import uuid4

import asyncpg
import typer
from aiokafka import AIOKafkaConsumer
from rich.console import Console
from rich.table import Table

from bench.machine import describe
from bench.pricing.shop import KINDS, Shop
from bench.statistics import percentile
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.topics import apply_topics
from libs.commands.live_builds import LiveBuilds
from libs.commands.run import Commands
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.entities.prepared import prepare_tables
from libs.entities.sequences import Sequences
from libs.read_models import READ_MODELS
from libs.stack import choose_stack, state_folder
from libs.stack.locks import unused_folder
from libs.telemetry.log import configure_logs
from schemas.opportunities.opportunity_changed import OpportunityChangedV1
from schemas.topics import topics

RESULTS = Path(__file__).resolve().parents[1] / "pricing_latency.json"
ROOT = Path(__file__).resolve().parents[2]
_OUT = "opportunities"
_LONGEST_SECONDS = 60.0
_SETTLED_SECONDS = 3.0


class Watch:
    """Reads everything as it comes: when the last input was written, and when each product's opportunity came."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._out = kafka.topic(_OUT)
        names = [kafka.topic(name) for name, topic in topics().items() if "pricing" in topic.consumers]
        self._consumer = AIOKafkaConsumer(
            *names,
            self._out,
            bootstrap_servers=kafka.bootstrap_servers,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=5,
        )
        self.written = 0.0
        self.came: dict[int, tuple[float, float]] = {}
        """By product: when its newest opportunity was written, and when it was read here."""
        self._moved = asyncio.Condition()

    async def run(self) -> None:
        await self._consumer.start()
        try:
            async for record in self._consumer:
                now = time.time()
                async with self._moved:
                    if record.topic == self._out:
                        product = OpportunityChangedV1.model_validate_json(record.value).unified_product_id
                        self.came[product] = (record.timestamp / 1000, now)
                    else:
                        self.written = record.timestamp / 1000
                    self._moved.notify_all()
        finally:
            await self._consumer.stop()

    async def all_came(self, products: set[int], since: float) -> float:
        """Seconds from the input that was written at `since` or later to the last of the products' opportunities."""

        def there() -> bool:
            return self.written >= since and all(self._came(each)[0] >= self.written for each in products)

        try:
            async with asyncio.timeout(_LONGEST_SECONDS), self._moved:
                await self._moved.wait_for(there)
                return max(self._came(each)[1] for each in products) - self.written
        except TimeoutError as error:
            late = sorted(each for each in products if self._came(each)[0] < self.written)
            raise TimeoutError(f"the opportunities of products {late} did not come in {_LONGEST_SECONDS} s") from error

    def _came(self, product: int) -> tuple[float, float]:
        return self.came.get(product, (-1.0, -1.0))


async def measure(changes: int, ruled: int) -> dict[str, Any]:
    """Each kind's latencies. Raises TimeoutError where an opportunity did not come."""
    with unused_folder(state_folder(os.environ) / "bench") as folder:
        async with choose_stack(os.environ, folder) as endpoints:
            name = f"bench_latency_{uuid4().hex[:8]}"
            kafka = KafkaSettings(bootstrap_servers=endpoints.kafka_bootstrap_servers, topic_prefix=f"{name}.")
            await apply_topics(kafka.bootstrap_servers, topics().values(), prefix=kafka.topic_prefix)
            server = await asyncpg.connect(endpoints.database_url)
            await server.execute(f"CREATE DATABASE {name}")
            url = endpoints.database_url.rpartition("/")[0] + f"/{name}"
            try:
                seconds = await _running(kafka, url, changes, ruled)
                return {"machine": await describe(endpoints), "changes": changes, "rule_touches": ruled} | {
                    "seconds": {kind: _told(times) for kind, times in seconds.items()}
                }
            finally:
                await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
                await server.close()


async def _running(kafka: KafkaSettings, url: str, changes: int, ruled: int) -> dict[str, list[float]]:
    async with Database(url, application="bench") as database, Publisher(kafka, "bench") as publisher:
        await migrate(database)
        await prepare_tables(LiveBuilds(database), asyncio.Event())
        async with Commands(database, kafka, publisher, "bench", READ_MODELS) as commands:
            shop = Shop(commands, Sequences(database), publisher, ruled)
            await shop.fill()
            watch = Watch(kafka)
            watching = asyncio.create_task(watch.run())
            try:
                async with pricing_process(kafka, url):
                    every = set[int]().union(*(shop.products(kind) for kind in KINDS))
                    await watch.all_came(every, 0.0)
                    await asyncio.sleep(_SETTLED_SECONDS)
                    return {kind: await _kind(shop, watch, kind, changes) for kind in KINDS}
            finally:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching


async def _kind(shop: Shop, watch: Watch, kind: str, changes: int) -> list[float]:
    times = []
    for number in range(1, changes + 2):
        since = time.time() - 0.001  # record timestamps are whole milliseconds
        await shop.change(kind, number)
        times.append(await watch.all_came(shop.products(kind), since))
        await asyncio.sleep(0.02 * (number % 7))  # not in step with whatever beats in pricing
    return times[1:]  # the first found cold caches


@asynccontextmanager
async def pricing_process(kafka: KafkaSettings, url: str, port: int = 0) -> AsyncIterator[int]:
    """Pricing as a process of its own, with a folder of its own; its id."""
    with TemporaryDirectory() as folder:
        environment = {
            "DATABASE_URL": url,
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
            "PRICING_PORT": str(port),
            "PRICING_DATA_DIR": folder,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.pricing"),
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            yield process.pid
        finally:
            process.terminate()
            await process.wait()


def _told(seconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    named = {f"p{percent}": round(percentile(ordered, percent), 3) for percent in (50, 99)}
    return {"count": len(ordered), **named, "max": round(ordered[-1], 3)}


def main(
    changes: Annotated[int, typer.Option(min=1, help="Changes of each kind.")] = 100,
    ruled: Annotated[int, typer.Option(min=1, help="Listings that the cost rule holds for.")] = 20,
    write: Annotated[bool, typer.Option("--write", help="Write bench/pricing_latency.json.")] = False,
) -> None:
    """Seconds from an input's fact to its opportunity's, for each kind of input."""
    configure_logs("bench", level="CRITICAL")
    found = asyncio.run(measure(changes, ruled))
    table = Table("input", "changes", "p50 s", "p99 s", "max s", title="From an input's fact to its opportunity's")
    for kind, told in found["seconds"].items():
        name = f"{kind} ({ruled} opportunities)" if kind == "cost rule" else kind
        table.add_row(name, *(str(told[one]) for one in ("count", "p50", "p99", "max")))
    Console().print(table)
    if write:
        RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        print(f"Wrote {RESULTS}.")


if __name__ == "__main__":
    typer.run(main)
