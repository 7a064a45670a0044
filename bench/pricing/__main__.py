"""`python -m bench.pricing`: a cost rule changes for 100,000 listings; writes bench/pricing.json."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Annotated, Any
from uuid import uuid4

import asyncpg
import typer
from rich.console import Console
from rich.table import Table

from bench.machine import describe
from bench.pricing.ours import Written, board, digest_of, everything, recompute
from bench.pricing.postgres import Postgres
from bench.pricing.world import CHANGED, World
from libs.bus.settings import KafkaSettings
from libs.bus.topics import apply_topics
from libs.stack import choose_stack, state_folder
from libs.stack.locks import unused_folder
from libs.telemetry.log import configure_logs
from schemas.topics import topics
from services.pricing.board import Board

RESULTS = Path(__file__).resolve().parents[1] / "pricing.json"
_FINE = 100_000


async def measure(listings: int, rounds: int) -> dict[str, Any]:
    """Run both sides on one machine, in turn. Raises RuntimeError where their results differ."""
    with unused_folder(state_folder(os.environ) / "bench") as folder:
        async with choose_stack(os.environ, folder) as endpoints:
            name = f"bench_pricing_{uuid4().hex[:8]}"
            server = await asyncpg.connect(endpoints.database_url)
            kafka = KafkaSettings(bootstrap_servers=endpoints.kafka_bootstrap_servers, topic_prefix=f"{name}.")
            await apply_topics(
                kafka.bootstrap_servers,
                [topics()["opportunities"], topics()["projector-dlt"]],
                prefix=kafka.topic_prefix,
            )
            await server.execute(f"CREATE DATABASE {name}")
            url = endpoints.database_url.rpartition("/")[0] + f"/{name}"
            try:
                return {"machine": await describe(endpoints)} | await _rounds(kafka, url, listings, rounds)
            finally:
                await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
                await server.close()


async def _rounds(kafka: KafkaSettings, url: str, listings: int, rounds: int) -> dict[str, Any]:
    world = World.of(listings)
    made, products, shared = board(world)
    before = everything(made)
    connection = await asyncpg.connect(url)
    postgres = Postgres(connection)
    await postgres.fill(world)
    warm, cold, statement = [], [], []
    await postgres.compute()
    _same("before the change", digest_of(before), await postgres.digest())
    written = Written(kafka, url)
    await written.fill(before)
    await connection.execute("CREATE TABLE plain (LIKE read_models.opportunities INCLUDING ALL)")
    await connection.execute("INSERT INTO plain SELECT * FROM read_models.opportunities")
    await connection.execute("VACUUM ANALYZE")
    await postgres.change(CHANGED)
    for _ in range(rounds):
        seconds, after = recompute(Board(0, dict(products), dict(shared)))
        cold.append(seconds)
        again, _, _ = board(world)
        everything(again)
        warm.append(recompute(again)[0])
        statement.append(await postgres.compute())
        _same("after the change", digest_of(after), await postgres.digest())
    updated = await postgres.update("plain")
    seconds, facts = await written.write(after)
    _same("what was written", await postgres.digest("plain"), await postgres.digest("read_models.opportunities"))
    await connection.close()
    count = len(after)
    return {
        "listings": len(world.listed),
        "opportunities": count,
        "rounds": rounds,
        "digest": digest_of(after),
        "digests_equal": True,
        "per_second": {
            "board, figures held ready": count / median(warm),
            "board, from its tables": count / median(cold),
            "one SQL statement": count / median(statement),
            "board, written by command (log and rows)": facts / seconds,
            "one SQL UPDATE (rows, no log)": count / updated,
        },
        "seconds": {"warm": warm, "cold": cold, "statement": statement, "write": seconds, "update": updated},
        "facts_written": facts,
    }


def _same(what: str, ours: str, theirs: str) -> None:
    if ours != theirs:
        raise RuntimeError(f"{what}: the results differ: {ours[:12]} and {theirs[:12]}")


def main(
    listings: Annotated[int, typer.Option(min=10, help="Listings that the rule holds for.")] = _FINE,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    write: Annotated[bool | None, typer.Option(help="Write bench/pricing.json (by default: at full size).")] = None,
) -> None:
    """Opportunities recomputed after a cost-rule change, against one SQL statement; both give the same rows."""
    configure_logs("bench")
    found = asyncio.run(measure(listings, rounds))
    console = Console(width=120)
    console.print(
        _table(found["per_second"], f"{found['listings']:,} listings, {found['opportunities']:,} opportunities")
    )
    console.print(f"Digest of both sides: {found['digest'][:16]}…")
    if write if write is not None else listings >= _FINE:
        RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        console.print(f"Wrote {RESULTS}.")


def _table(rates: Mapping[str, float], title: str) -> Table:
    table = Table("way", "opportunities/s", title=title)
    for name, rate in rates.items():
        table.add_row(name, f"{rate:,.0f}")
    return table


if __name__ == "__main__":
    typer.run(main)
