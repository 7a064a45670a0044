"""`sellstream ebay authorise | token | sync | watch | runs | retry | stop`, by the HTTP API of `ebay_sync`."""

import json
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import aiohttp
import typer
from rich.console import Console
from rich.table import Table

from services.ops import authorise_commands
from services.ops.ebay_follow import follow
from services.ops.processes import EBAY_SYNC
from services.ops.sandbox_wiring import SANDBOX_USER
from services.ops.service_api import ServiceApi, fail

_SERVICE = ServiceApi(EBAY_SYNC)

_User = Annotated[str, typer.Option("--user", help="Whose token; the sandbox's sellers are 1, 2, …")]
_Account = Annotated[str | None, typer.Option("--account", help="Needed by users who have several.")]
_RunId = Annotated[str, typer.Argument(help="As `sellstream ebay runs` tells it.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="eBay: authorise accounts, synchronise inventory and offers.", no_args_is_help=True)
    group.command("authorise")(authorise_commands.ebay)
    group.command("token")(token)
    group.command("sync")(sync)
    group.command("watch")(watch)
    group.command("runs")(runs)
    group.command("retry")(retry)
    group.command("stop")(stop)
    app.add_typer(group, name="ebay")


def token(
    user: _User = SANDBOX_USER,
    hours: Annotated[float, typer.Option(help="How long it is good for.", min=0.01, max=24 * 30)] = 12,
) -> None:
    """Print a token for the page and the API of ebay_sync."""
    print(_SERVICE.run(lambda: _SERVICE.token(user, timedelta(hours=hours))))


def sync(
    kind: Annotated[Literal["inventory", "offers"], typer.Argument(help="inventory or offers.")],
    account: _Account = None,
    incremental: Annotated[bool, typer.Option("--incremental", help="Only the offers of SKUs that changed.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Print the run's id and do not follow it.")] = False,
    user: _User = SANDBOX_USER,
) -> None:
    """Synchronise an account, and follow the run. Ctrl-C stops following, not the run. Exit 1 unless it completed."""
    query = {"mode": "incremental" if incremental else "full"} | ({"account": account} if account else {})
    run_id = str(_call("POST", f"/{kind}", user, query)["run_id"])
    if detach:
        print(run_id)
        return
    _watch(run_id, user)


def watch(run_id: _RunId, user: _User = SANDBOX_USER) -> None:
    """Print what a run said, and follow it to its end. Ctrl-C stops following, not the run. Exit 1 unless completed."""
    _watch(run_id, user)


def retry(run_id: _RunId, user: _User = SANDBOX_USER) -> None:
    """Try the SKUs again that failed in a run, these alone, and follow that. Exit 1 unless it completed."""
    _watch(str(_call("POST", f"/runs/{run_id}/retry-failed", user)["run_id"]), user)


def runs(
    account: _Account = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
    user: _User = SANDBOX_USER,
) -> None:
    """Show the newest runs."""
    found = _call("GET", "/runs", user, {"account": account} if account else {})["runs"]
    if as_json:
        print(json.dumps(found, indent=1))
        return
    Console().print(_table(found))


def stop(run_id: _RunId, user: _User = SANDBOX_USER) -> None:
    """Stop a run at its next checkpoint."""
    print(_call("POST", f"/{run_id}/stop", user)["message"])


def _table(runs: list[dict[str, Any]]) -> Table:
    """80 columns wide, so that nothing is cut off; with the accounts' names where there are several."""
    several = len({run["account"] for run in runs}) > 1
    numbers_of = {"fetched": "fetched", "stored": "stored", "unchanged": "same", "failed": "failed"}
    table = Table(box=None, padding=(0, 1, 0, 0))
    for heading in ("run", "began", "status"):
        table.add_column(heading, no_wrap=True)
    for heading in numbers_of.values():
        table.add_column(heading, justify="right", no_wrap=True)
    if several:
        table.add_column("account", overflow="fold")
    for run in runs:
        began = datetime.fromisoformat(run["began_at"] or run["created_at"]).astimezone()
        numbers = [str(run["counts"][name]) for name in numbers_of]
        account = [run["account"]] if several else []
        table.add_row(run["run_id"], f"{began:%d %b %H:%M}", run["status"], *numbers, *account)
    return table


def _watch(run_id: str, user: str) -> None:
    try:
        end = _SERVICE.run(lambda: follow(_SERVICE, _url(f"/events/{run_id}"), user))
    except KeyboardInterrupt:
        told = f"{run_id} goes on. Stop it: sellstream ebay stop {run_id}; see it again: sellstream ebay watch {run_id}"
        typer.echo(f"\n{told}", err=True)
        raise typer.Exit(130) from None
    if end["status"] != "completed":
        raise typer.Exit(1)


def _call(method: str, path: str, user: str, query: dict[str, str] | None = None) -> Any:
    return _SERVICE.run(lambda: _answer(method, path, user, query or {}))


async def _answer(method: str, path: str, user: str, query: dict[str, str]) -> Any:
    headers = await _SERVICE.headers(user, timedelta(hours=12))
    async with aiohttp.ClientSession() as http, http.request(method, _url(path), params=query, headers=headers) as told:
        body = await told.json(content_type=None)
        if told.status >= 400:
            fail(body.get("detail", f"{told.status}") if isinstance(body, dict) else f"{told.status}")
        return body


def _url(path: str) -> str:
    return _SERVICE.url(f"/ebay/sync{path}")
