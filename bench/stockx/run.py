"""`python -m bench.stockx.run storm | latency`: StockX's operations against the sandbox; writes bench/stockx.json.

storm    calls for thousands of listings created, updated, activated, deleted, while replicas are killed, as a multiple
         of the fewest that any schedule needs (fewest.py)
latency  from an operation's end at StockX to its fact in Kafka, and calls per operation, against polling each
         operation every so many seconds
"""

import asyncio
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bench.machine import hardware
from bench.stockx.fleet import FleetFailed, fleet
from bench.stockx.latency import EVERY, LOADS, Figure, LatencyFailed, naive, ours
from bench.stockx.scale import Scale
from bench.stockx.storm import Outcome, Storm, StormFailed, at_random
from bench.stockx.world import world
from libs.stack import choose_stack, state_folder
from libs.stack.locks import unused_folder

RESULTS = Path(__file__).resolve().parents[1] / "stockx.json"
MOST = 1.15
_SOON = 0.05
"""So long after the last command a batch is sent: 1.5 s of StockX's time, as in a real installation about 1 s."""
_QUIET = {"failing": "0", "system": "0", "orders": "0"}

app = typer.Typer(no_args_is_help=True)
_Write = Annotated[bool, typer.Option(help="Write bench/stockx.json.")]
_Speed = Annotated[float, typer.Option(min=1, max=120, help="The sandbox's clock against ours.")]


@app.command()
def storm(
    listings: Annotated[int, typer.Option(min=1, help="Listings; each is changed three times.")] = 2000,
    speed: _Speed = 30.0,
    kill_every: Annotated[float, typer.Option(min=1, help="Seconds between kills, on average.")] = 15.0,
    seed: Annotated[int, typer.Option(help="Of the moments of the kills.")] = 1,
    write: _Write = True,
) -> None:
    """Count the calls for listings' whole lives, and check that nothing was lost."""
    console = Console()
    try:
        outcome = asyncio.run(_storm(listings, Scale(speed), kill_every, seed, console))
    except (FleetFailed, StormFailed) as error:
        raise SystemExit(str(error)) from None
    for name, count in sorted(outcome.calls.items()):
        console.print(f"{count:6}  {name}", highlight=False)
    console.print(
        f"{outcome.used} calls for {outcome.commands} operations; the fewest that any schedule needs: "
        f"{outcome.bound.calls} ({outcome.bound.writes} writes, {outcome.bound.reads} reads); "
        f"ratio {outcome.ratio:.3f}; {outcome.kills} kills; refused: {dict(outcome.refused) or 'none'}; "
        f"{outcome.seconds:.0f} s, that is {outcome.seconds * speed / 60:.0f} minutes at StockX",
        highlight=False,
    )
    if write:
        told = asdict(outcome) | {"used": outcome.used, "ratio": outcome.ratio, "listings": listings, "speed": speed}
        _keep("storm", told)
    if outcome.ratio > MOST or outcome.refused:
        raise SystemExit(1)


async def _storm(listings: int, scale: Scale, kill_every: float, seed: int, console: Console) -> Outcome:
    with unused_folder(state_folder(os.environ) / "bench") as folder:
        async with (
            choose_stack(os.environ, folder) as endpoints,
            world(endpoints, scale.speed, **_QUIET) as running,
            fleet(running.http, running.shop.base, running.kafka, running.database, scale.settings()) as replicas,
        ):
            made = Storm(
                running.shop,
                replicas,
                running.database,
                running.kafka,
                listings,
                deadline=1800,
                tell=lambda line: console.print(line, style="dim", highlight=False),
            )
            return await made.run(at_random(seed, kill_every))


@app.command()
def latency(speed: _Speed = 30.0, write: _Write = True) -> None:
    """Measure from an operation's end at StockX to its fact, and calls per operation."""
    try:
        figures = asyncio.run(_latency(Scale(speed, gather_seconds=_SOON)))
    except (FleetFailed, LatencyFailed) as error:
        raise SystemExit(str(error)) from None
    table = Table("load", "runner", "median, s", "95%, s", "calls per operation", "429s")
    for each in figures:
        numbers = (f"{each.median_seconds:.1f}", f"{each.p95_seconds:.1f}", f"{each.calls_per_operation:.2f}")
        table.add_row(each.load, each.runner, *numbers, str(each.refused))
    Console().print(table)
    if write:
        _keep("latency", {"speed": speed, "figures": [asdict(each) for each in figures]})


async def _latency(scale: Scale) -> list[Figure]:
    found = []
    with unused_folder(state_folder(os.environ) / "bench") as folder:
        async with choose_stack(os.environ, folder) as endpoints:
            for load in LOADS:
                async with world(endpoints, scale.speed, **_QUIET) as running:
                    base = running.shop.base
                    async with fleet(running.http, base, running.kafka, running.database, scale.settings()) as replicas:
                        found.append(await ours(running, replicas, load, scale))
                    for every in EVERY:
                        found.append(await naive(running, load, every, scale))
    return found


def _keep(name: str, told: dict[str, Any]) -> None:
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(known | {name: told | {"machine": hardware()}}, indent=1) + "\n")


if __name__ == "__main__":
    app()
