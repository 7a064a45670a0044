"""`sellstream demo`: a lively minute of marketplace traffic on real Kafka and PostgreSQL, then the proof.

Everything runs as real processes in a state folder of its own. Ends with 0 only if every promise was kept.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated

import aiohttp
import typer
from rich.console import Console

from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.stack import StackError, find_endpoints, state_folder, stop_embedded
from libs.stack.ports import free_ports, is_free
from services.ops.daemon import Daemon
from services.ops.demo_promises import Verdict, read_models_true, webhooks_once
from services.ops.demo_story import Story
from services.ops.demo_view import View
from services.ops.processes import SANDBOX, SERVICES

console = Console()

_FOR_THE_DEMO = {
    "SANDBOX_SPEED": "60",  # its access tokens and the marketplaces' retries then fit into a minute
    "MERCADOLIBRE_ENRICHER_SETTLE_SECONDS": "2",
}
_START_SECONDS = 180


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(demo)


def demo(
    seconds: Annotated[int, typer.Option(min=20, max=3600, help="How long the traffic lasts.")] = 45,
    rate: Annotated[float, typer.Option(min=0.1, max=200, help="Changes at the marketplaces per second.")] = 12,
) -> None:
    """Show a lively minute of marketplace traffic, and prove that nothing was lost or doubled."""
    try:
        verdicts = asyncio.run(_demo(seconds, rate))
    except StackError as error:
        console.print(str(error), highlight=False, markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("Stopped; nothing is left running. `make demo` begins anew.")
        raise typer.Exit(130) from None
    console.print()
    for verdict in verdicts:
        mark = "[green]kept  [/green]" if verdict.kept else "[red]BROKEN[/red]"
        console.print(f"{mark} {verdict.promise}: {verdict.shown}", highlight=False, soft_wrap=True)
    broken = [verdict for verdict in verdicts if not verdict.kept]
    if broken:
        console.print(f"\n{len(broken)} of {len(verdicts)} promises were broken. The logs: {_folder() / 'logs'}")
        raise typer.Exit(1)
    console.print(f"\nAll {len(verdicts)} promises were kept. To keep everything running and look around:\n")
    console.print(_NEXT, highlight=False, soft_wrap=True)


async def _demo(seconds: int, rate: float) -> list[Verdict]:
    folder = await _fresh_folder()
    environ = {**_FOR_THE_DEMO, **os.environ, **_ports()}
    async with AsyncExitStack() as stack:
        ports = await stack.enter_async_context(_running(folder, environ))
        endpoints = find_endpoints(environ, folder)
        if endpoints is None:
            raise StackError("The stack was started, but its record is gone. Does something clean up the state folder?")
        database = await stack.enter_async_context(Database(endpoints.database_url, application="demo"))
        sandbox = await stack.enter_async_context(
            aiohttp.ClientSession(f"http://127.0.0.1:{ports[SANDBOX.name]}", timeout=aiohttp.ClientTimeout(total=10))
        )
        kafka = KafkaSettings(bootstrap_servers=endpoints.kafka_bootstrap_servers)
        with View(console) as view:
            story = Story(sandbox, database, ports, {**environ, **endpoints.environment()}, view)
            told = await story.run(seconds, rate)
        return [
            await webhooks_once(kafka, sandbox),
            *await read_models_true(database, sandbox),
            *told,
        ]


@asynccontextmanager
async def _running(folder: Path, environ: dict[str, str]) -> AsyncIterator[dict[str, int]]:
    """Everything started, as `sellstream up` does it, for as long as the block lasts; the services' ports."""
    console.print("Starting Kafka, PostgreSQL and every service, as real processes …")
    daemon = Daemon(
        folder, environ, say=lambda line: console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
    )
    running = asyncio.create_task(daemon.run())
    ready = asyncio.create_task(daemon.until_running())
    try:
        await asyncio.wait({running, ready}, timeout=_START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        if not ready.done():
            raise StackError(f"Not everything was ready within {_START_SECONDS} s. The logs: {folder / 'logs'}")
        yield {service.name: service.port_in(environ) for service in SERVICES}
    finally:
        ready.cancel()
        running.cancel()
        await asyncio.gather(ready, running, return_exceptions=True)


def _folder() -> Path:
    return state_folder(os.environ) / "demo"


async def _fresh_folder() -> Path:
    """The demo begins from nothing each time."""
    folder = _folder()
    await stop_embedded(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _ports() -> dict[str, str]:
    """The usual ports where all are free, others where `make up` or somebody else has one of them."""
    usual = [service.port_in(os.environ) for service in SERVICES]
    ports = usual if all(map(is_free, usual)) else free_ports(len(SERVICES))
    return {service.port_variable: str(port) for service, port in zip(SERVICES, ports, strict=True)}


_NEXT = """  make up                                      the same processes, in the background
  make status                                  what runs, and where
  curl -s localhost:8090/_traffic -d '{"rate": 5, "seconds": 60}'     traffic
  .venv/bin/sellstream read-models status      rows, checkpoints, lag
  .venv/bin/sellstream read-models rebuild orders
  .venv/bin/sellstream dlq list                what could not be handled, and why
  http://127.0.0.1:8080/docs                   the gateway's API
  make down"""
