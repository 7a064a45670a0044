"""`python -m bench.interlock`: the interlock's speed, and 10,000 races; writes bench/interlock.json."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any
from uuid import uuid4

import asyncpg
import typer
from rich.console import Console
from rich.table import Table

from bench.interlock.chain import PER_SECOND, chain
from bench.interlock.goods import fill
from bench.interlock.marketplaces import CHANNELS, MARKET, Marketplace
from bench.interlock.races import LONGEST_GAP, Races, Results
from bench.machine import describe
from bench.statistics import percentile
from libs.bus.consumer import Consumer
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.topics import apply_topics
from libs.channels.accounts import Channels
from libs.commands.live_builds import LiveBuilds
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.entities.prepared import prepare_tables
from libs.jobs import JobQueue, Worker, WorkerSettings
from libs.stack import Endpoints, choose_stack, state_folder
from libs.stack.locks import unused_folder
from libs.telemetry.log import configure_logs
from schemas.channels import Channel
from schemas.topics import topics
from services.interlock.handlers import TOPICS, on_facts
from services.interlock.interlocking import QUEUE, TAKE_OFF, Interlock
from services.interlock.taking_off import TakingOff

RESULTS = Path(__file__).resolve().parents[1] / "interlock.json"


async def measure(races: int, orders: int, at_once: int, seed: int) -> dict[str, Any]:
    """Both parts on one Kafka and one PostgreSQL."""
    with unused_folder(state_folder(os.environ) / "bench") as folder:
        async with choose_stack(os.environ, folder) as endpoints, _running(endpoints, seed) as (interlock, sent, shops):
            await fill(interlock.database, races + orders + 1)
            await chain(sent, shops, range(races + orders + 1, races + orders + 2), seed)  # the consumer has joined
            times = await chain(sent, shops, range(races + 1, races + orders + 1), seed)
            began = perf_counter()
            running = Races(interlock, shops, seed)
            await running.run(1, races, at_once)
            seconds = perf_counter() - began
            held = await _held_twice(interlock.database)
            return {
                "machine": await describe(endpoints),
                "settings": {"races": races, "orders": orders, "at_once": at_once, "seed": seed},
                "chain": _told(times),
                "races": _races(running.results, seconds, held),
            }


@asynccontextmanager
async def _running(
    endpoints: Endpoints, seed: int
) -> AsyncIterator[tuple[Interlock, Publisher, dict[Channel, Marketplace]]]:
    name = f"bench_interlock_{uuid4().hex[:8]}"
    kafka = KafkaSettings(bootstrap_servers=endpoints.kafka_bootstrap_servers, topic_prefix=f"{name}.")
    needed = [topics()[one] for one in (*TOPICS, "interlock-dlt") if one in topics()]
    await apply_topics(kafka.bootstrap_servers, needed, prefix=kafka.topic_prefix)
    server = await asyncpg.connect(endpoints.database_url)
    await server.execute(f"CREATE DATABASE {name}")
    url = endpoints.database_url.rpartition("/")[0] + f"/{name}"
    stop = asyncio.Event()
    shops = {channel: Marketplace(channel, seed + n) for n, channel in enumerate(CHANNELS)}
    try:
        async with Database(url, application="bench", most=40) as database, Publisher(kafka, "bench") as publisher:
            await migrate(database)
            await prepare_tables(LiveBuilds(database), stop)
            interlock = Interlock(database, JobQueue(database, QUEUE))
            channels = Channels({(channel, MARKET): shop for channel, shop in shops.items()})
            settings = WorkerSettings(locked_by="bench", lock_seconds=60, sleep_empty=0.3, concurrency=60)
            worker = Worker(interlock.queue, {TAKE_OFF: TakingOff(interlock.queue, channels)}, settings)
            consumer = Consumer(kafka, "interlock", TOPICS, publisher)
            tasks = [
                asyncio.create_task(worker.run(stop)),
                asyncio.create_task(consumer.run(partial(on_facts, interlock=interlock), stop)),
            ]
            try:
                yield interlock, publisher, shops
            finally:
                stop.set()
                await asyncio.gather(*tasks)
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


async def _held_twice(database: Database) -> int:
    async with database.connection() as connection:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM (SELECT FROM interlock.reservations WHERE state = 'held' "
            "GROUP BY unified_product_id HAVING count(*) > 1) AS twice"
        )
    return count


def _told(seconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    named = {f"p{percent}": round(percentile(ordered, percent), 3) for percent in (50, 95, 99)}
    return {"count": len(ordered), **named, "max": round(ordered[-1], 3)} if ordered else {"count": 0}


def _races(results: Results, seconds: float, held_twice: int) -> dict[str, Any]:
    gaps = [
        {
            "gap_from": half / 2,
            "races": results.by_gap[half, True] + results.by_gap[half, False],
            "second_orders": results.by_gap[half, True],
        }
        for half in range(int(LONGEST_GAP * 2))
    ]
    return {
        "races": results.races,
        "seconds": round(seconds, 1),
        "second_buyer_stopped": results.stopped,
        "second_orders": results.second_orders,
        "flagged": results.flagged,
        "unflagged": results.unflagged,
        "held_by_two": results.both_held + held_twice,
        "to_last_off": _told(results.to_last_off),
        "to_flag": _told(results.to_flag),
        "by_gap": gaps,
    }


def main(
    races: Annotated[int, typer.Option(min=1, help="Products for which two buyers come.")] = 10_000,
    orders: Annotated[int, typer.Option(min=1, help="Orders by way of Kafka.")] = 300,
    at_once: Annotated[int, typer.Option(min=1, help="Races side by side.")] = 40,
    seed: Annotated[int, typer.Option()] = 1,
    write: Annotated[bool, typer.Option("--write", help="Write bench/interlock.json.")] = False,
) -> None:
    """Measure and tell; exit status 1 if a unit was held by two orders, or a second order not flagged."""
    configure_logs("bench", level="CRITICAL")
    found = asyncio.run(measure(races, orders, at_once, seed))
    console, race = Console(), found["races"]
    table = Table(
        "seconds", "count", "p50", "p95", "p99", "max", title=f"{PER_SECOND:g} orders a second by way of Kafka"
    )
    for name, told in (
        ("order's fact → last listing off", found["chain"]),
        ("races: notified → last listing off", race["to_last_off"]),
        ("races: second order heard of → flagged", race["to_flag"]),
    ):
        table.add_row(name, *(str(told.get(one, "")) for one in ("count", "p50", "p95", "p99", "max")))
    console.print(table)
    console.print(
        f"{race['races']} races: in {race['second_buyer_stopped']} the second buyer found it gone; "
        f"{race['second_orders']} second orders, {race['flagged']} flagged, {race['unflagged']} not; units held by two "
        f"orders: {race['held_by_two']}."
    )
    for one in race["by_gap"]:
        share = one["second_orders"] / one["races"] if one["races"] else 0
        console.print(
            f"  second buyer {one['gap_from']:.1f} to {one['gap_from'] + 0.5:.1f} s later: {share:.1%} could buy"
        )
    if write:
        RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        console.print(f"Wrote {RESULTS}.")
    raise typer.Exit(1 if race["held_by_two"] or race["unflagged"] else 0)


if __name__ == "__main__":
    typer.run(main)
