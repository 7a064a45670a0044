"""`sellstream stockx market-data`, `stockx dead-stock`, `inventory import`, `notion sync`: asks market_data."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from services.ops.processes import MARKET_DATA
from services.ops.sandbox_wiring import SANDBOX_USER
from services.ops.service_api import ServiceApi, fail
from services.ops.terminal import harmless

_SERVICE = ServiceApi(MARKET_DATA)
_RUNS = "/market-data/runs"
_LOOK_SECONDS = 0.5

_User = Annotated[str, typer.Option("--user", help="Who asks; the sandbox's sellers are 1, 2, …")]
_Detach = Annotated[bool, typer.Option("--detach", help="Print the run's id and do not follow it.")]
_RunId = Annotated[str, typer.Argument(help="As `sellstream stockx market-data runs` tells it.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add `inventory` and `notion` to the application."""
    inventory = typer.Typer(help="Inventory: taken in from files.", no_args_is_help=True)
    inventory.callback()(_group)
    inventory.command("import")(import_file)
    app.add_typer(inventory, name="inventory")
    notion = typer.Typer(help="Notion: sales that were written down there.", no_args_is_help=True)
    notion.callback()(_group)
    notion.command("sync")(notion_sync)
    app.add_typer(notion, name="notion")


def add_to_stockx(stockx: typer.Typer) -> None:
    """Add `market-data` and `dead-stock` to the group `stockx`."""
    group = typer.Typer(help="Market data of what is in stock: synchronise, follow, stop.", no_args_is_help=True)
    for name, command in (("sync", sync), ("runs", runs), ("stop", stop), ("resume", resume), ("token", token)):
        group.command(name)(command)
    stockx.add_typer(group, name="market-data")
    stockx.command("dead-stock")(dead_stock)


def _group() -> None:
    """Keeps the command's name even where it is the only one."""


def token(
    user: _User = SANDBOX_USER,
    hours: Annotated[float, typer.Option(help="How long it is good for.", min=0.01, max=24 * 30)] = 12,
) -> None:
    """Print a token for the API of market_data."""
    print(_SERVICE.run(lambda: _SERVICE.token(user, timedelta(hours=hours))))


def sync(
    sku: Annotated[str | None, typer.Option(help="Of this product alone, whether it is in stock or not.")] = None,
    detach: _Detach = False,
    user: _User = SANDBOX_USER,
) -> None:
    """Record the market of everything in stock. Ctrl-C stops following, not the run. Exit 1 unless it completed."""
    _begin({"kind": "market_data"} | ({} if sku is None else {"sku": sku}), user, detach=detach)


def notion_sync(detach: _Detach = False, user: _User = SANDBOX_USER) -> None:
    """Take in the sales of the Notion database. Exit 1 unless it completed."""
    _begin({"kind": "notion_sales"}, user, detach=detach)


def resume(run_id: _RunId, detach: _Detach = False, user: _User = SANDBOX_USER) -> None:
    """Let a run that was stopped or failed go on with what is left."""
    _call("POST", f"{_RUNS}/{run_id}/resume", user)
    _followed(run_id, user, detach=detach)


def stop(run_id: _RunId, user: _User = SANDBOX_USER) -> None:
    """Stop a run behind the item that it has in hand."""
    print(_call("POST", f"{_RUNS}/{run_id}/stop", user)["run_id"] + " stops")


def runs(user: _User = SANDBOX_USER) -> None:
    """Show the newest runs."""
    table = Table(
        *(Column(name, no_wrap=True) for name in ("run", "status", "done", "of", "by", "began")), "waits for", box=None
    )
    for run in _call("GET", _RUNS, user)["runs"]:
        began = datetime.fromisoformat(run["began_at"] or run["created_at"])
        of = "?" if run["total"] is None else str(run["total"])
        told = (run["waits"] or run["error"] or "")[:60]
        row = (run["run_id"], run["status"], str(run["done"]), of, run["requested_by"], f"{began:%Y-%m-%d %H:%M}", told)
        table.add_row(*map(_cell, row))
    Console().print(table)


def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CSV file.", show_default=False)],
    user: _User = SANDBOX_USER,
) -> None:
    """Take a CSV file of inventory in: all of it, or nothing; each row's fate is printed. Exit 1 if it was refused."""
    content = file.read_bytes()
    import_id = _call("POST", "/inventory/import", user, data=content)["import_id"]
    end = _to_its_end(import_id, user)
    table = Table("row", Column("sku", no_wrap=True), Column("fate", no_wrap=True), "", box=None)
    for item in _all_items(import_id, user):
        row = (str(item["number"]), item["item"], item["fate"].replace("_", " "), item["detail"] or "")
        table.add_row(*map(_cell, row))
    Console().print(table)
    if end["status"] == "refused":
        fail(f"{import_id}: refused; nothing was taken in.")
    if end["status"] != "completed":
        told = f"{import_id}: {end['status']}, and not taken in whole. {end['error'] or ''}".strip()
        fail(f"{told} Go on with: sellstream stockx market-data resume {import_id}")
    print(f"{import_id}: {end['total']} rows were taken in")


def dead_stock(
    html: Annotated[Path | None, typer.Option("--html", help="Write the page with charts here.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the rows here.")] = None,
    user: _User = SANDBOX_USER,
) -> None:
    """Tell what is dead stock now; as a page and as CSV where asked for."""
    report = _call("GET", "/reports/dead-stock", user)
    for path, form in ((html, "html"), (csv, "csv")):
        if path is not None:
            path.write_bytes(_SERVICE.run(lambda form=form: _bytes("GET", f"/reports/dead-stock.{form}", user)))  # type: ignore[misc]  # a default binds the loop's value
            print(f"wrote {path}")
    bound = " + ".join(f"{amount} {currency}" for currency, amount in report["bound"].items()) or "an unknown amount"
    print(f"{report['dead_pairs']} of {report['pairs']} pairs are dead stock; they cost {bound}.")


def _begin(query: dict[str, str], user: str, *, detach: bool) -> None:
    _followed(_call("POST", _RUNS, user, query=query)["run_id"], user, detach=detach)


def _followed(run_id: str, user: str, *, detach: bool) -> None:
    if detach:
        print(run_id)
        return
    end = _to_its_end(run_id, user)
    counts = ", ".join(f"{count} {fate.replace('_', ' ')}" for fate, count in sorted(end["counts"].items()))
    print(f"{run_id}: {end['status']}{f' ({counts})' if counts else ''}")
    if end["status"] != "completed":
        fail(end["error"] or f"Go on with: sellstream stockx market-data resume {run_id}")


def _to_its_end(run_id: str, user: str) -> dict[str, Any]:
    """Follow a run; Ctrl-C ends the command, and not the run."""
    try:
        return _SERVICE.run(lambda: _follow(run_id, user))
    except KeyboardInterrupt:
        typer.echo(f"\n{run_id} goes on. Stop it with: sellstream stockx market-data stop {run_id}", err=True)
        raise typer.Exit(130) from None


def _cell(text: str) -> Text:
    """A table's cell, word for word: brackets are no markup."""
    return Text(harmless(text))


async def _follow(run_id: str, user: str) -> dict[str, Any]:
    """Show a run's progress until its end."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(run_id, total=None)
        while True:
            run: dict[str, Any] = await _json("GET", f"{_RUNS}/{run_id}", user, {"fate": "failed"})
            waits = f" · {harmless(run['waits'][:70])}" if run["waits"] else ""
            progress.update(task, total=run["total"], completed=run["done"], description=f"{run['status']}{waits}")
            if run["ended_at"] is not None:
                return run
            await asyncio.sleep(_LOOK_SECONDS)


def _all_items(run_id: str, user: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        told = _call("GET", f"{_RUNS}/{run_id}", user, query={"after": str(after)})
        items += told["items"]
        after = told["next"]
    return items


def _call(method: str, path: str, user: str, query: dict[str, str] | None = None, data: bytes | None = None) -> Any:
    return _SERVICE.run(lambda: _json(method, path, user, query, data))


async def _json(
    method: str, path: str, user: str, query: dict[str, str] | None = None, data: bytes | None = None
) -> Any:
    async with aiohttp.ClientSession() as http, await _send(http, method, path, user, query, data) as told:
        return await told.json(content_type=None)


async def _bytes(method: str, path: str, user: str) -> bytes:
    async with aiohttp.ClientSession() as http, await _send(http, method, path, user, None, None) as told:
        return await told.read()


async def _send(
    http: aiohttp.ClientSession, method: str, path: str, user: str, query: dict[str, str] | None, data: bytes | None
) -> aiohttp.ClientResponse:
    headers = await _SERVICE.headers(user, timedelta(hours=1)) | {"Content-Type": "text/csv"}
    told = await http.request(method, _SERVICE.url(f"/api/v1{path}"), params=query, headers=headers, data=data)
    if told.status >= 400:
        body = await told.json(content_type=None)
        fail(body.get("detail", f"{told.status}") if isinstance(body, dict) else f"{told.status}")
    return told
