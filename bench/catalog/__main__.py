"""`python -m bench.catalog`: commands per second and their times, with a log and without; writes bench/catalog.json."""

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Annotated, Any
from uuid import uuid4

import asyncpg
import typer
from rich.console import Console
from rich.table import Table

from bench.catalog.load import Found, changes, creates, send
from bench.catalog.servers import ours, peer
from bench.machine import describe
from libs.bus.settings import KafkaSettings
from libs.bus.topics import apply_topics
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.stack import Endpoints, choose_stack, state_folder
from libs.stack.locks import unused_folder
from schemas.entities import ENTITIES
from schemas.topics import topics

RESULTS = Path(__file__).resolve().parents[1] / "catalog.json"
BATCH = 100
_WARM = 10
_PHASES = ("create", "change", "change, one client", f"create by {BATCH}")


@dataclass
class Side:
    """What one service did in all rounds, by phase."""

    rounds: dict[str, list[Found]] = field(default_factory=lambda: {name: [] for name in _PHASES})

    def told(self) -> dict[str, dict[str, float]]:
        """The rounds' medians, by phase."""
        return {
            name: {
                "rows_per_second": median(one.per_second for one in found) * (BATCH if "by" in name else 1),
                "p50_ms": median(one.percentile(0.50) for one in found),
                "p99_ms": median(one.percentile(0.99) for one in found),
            }
            for name, found in self.rounds.items()
        }


async def drive(base: str, side: Side, rows: int, clients: int) -> None:
    """One round: every entity created, then changed; then products in batches. The first rows warm up."""
    for entity in ENTITIES:
        await send(base, creates(entity, 1, _WARM), 1)
    creating = [await send(base, creates(entity, _WARM + 1, rows), clients) for entity in ENTITIES]
    side.rounds["create"].append(_together(creating))
    numbers = range(1, rows + 1)
    changing = [await send(base, changes(entity, numbers), clients) for entity in ENTITIES]
    side.rounds["change"].append(_together(changing))
    alone = [await send(base, changes(entity, numbers[: rows // 4]), 1) for entity in ENTITIES]
    side.rounds["change, one client"].append(_together(alone))
    begin = _WARM + rows + 1
    side.rounds[f"create by {BATCH}"].append(await send(base, creates(ENTITIES[0], begin, 10 * BATCH, BATCH), 4))


def _together(found: list[Found]) -> Found:
    return Found([each for one in found for each in one.milliseconds], sum(one.seconds for one in found))


async def measure(rows: int, rounds: int, clients: int) -> dict[str, Any]:
    """Both sides in turn, each round with fresh databases and topics."""
    with unused_folder(state_folder(os.environ) / "bench") as folder:
        async with choose_stack(os.environ, folder) as endpoints:
            sides = {"ours": Side(), "plain": Side()}
            for _ in range(rounds):
                await _round(endpoints, folder, sides, rows, clients)
            return {
                "machine": await describe(endpoints),
                "settings": {"rows of each entity": rows, "rounds": rounds, "clients": clients, "batch": BATCH},
                "sellstream": sides["ours"].told(),
                "fastapi_sqlalchemy": sides["plain"].told(),
            }


async def _round(endpoints: Endpoints, folder: Path, sides: Mapping[str, Side], rows: int, clients: int) -> None:
    name = f"bench_catalog_{uuid4().hex[:8]}"
    kafka = KafkaSettings(bootstrap_servers=endpoints.kafka_bootstrap_servers, topic_prefix=f"{name}.")
    await apply_topics(
        kafka.bootstrap_servers, [topics()[entity.topic] for entity in ENTITIES], prefix=kafka.topic_prefix
    )
    server = await asyncpg.connect(endpoints.database_url)
    try:
        for side in ("ours", "plain"):
            await server.execute(f"CREATE DATABASE {name}_{side}")
            url = endpoints.database_url.rpartition("/")[0] + f"/{name}_{side}"
            try:
                if side == "ours":
                    async with Database(url, application="bench") as database:
                        await migrate(database)
                serving = ours(kafka, url, folder) if side == "ours" else peer(url, folder)
                async with serving as base:
                    await drive(base, sides[side], rows, clients)
            finally:
                await server.execute(f"DROP DATABASE {name}_{side} WITH (FORCE)")
    finally:
        await server.close()


def main(
    rows: Annotated[int, typer.Option(min=4, help="Rows of each of the twelve entities.")] = 200,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    clients: Annotated[int, typer.Option(min=1, help="Each waits for its answer before it goes on.")] = 8,
    write: Annotated[bool, typer.Option(help="Write bench/catalog.json.")] = True,
) -> None:
    """The catalog's commands, against the same tables behind FastAPI, SQLAlchemy and PostgreSQL without a log."""
    found = asyncio.run(measure(rows, rounds, clients))
    table = Table(
        "commands", "sellstream rows/s", "p50 ms", "p99 ms", "without a log rows/s", "p50 ms", "p99 ms", "cost"
    )
    for name in _PHASES:
        one, other = found["sellstream"][name], found["fastapi_sqlalchemy"][name]
        cells = [f"{side[key]:,.1f}" for side in (one, other) for key in ("rows_per_second", "p50_ms", "p99_ms")]
        table.add_row(name, *cells, f"{other['rows_per_second'] / one['rows_per_second']:.1f}×")
    console = Console(width=140)
    console.print(table)
    if write:
        RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        console.print(f"Wrote {RESULTS}.")


if __name__ == "__main__":
    typer.run(main)
