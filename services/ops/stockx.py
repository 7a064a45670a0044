"""`sellstream stockx quota | token`: what is left of StockX's limits, by the HTTP API of stockx_poller."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NoReturn, TypeVar

import aiohttp
import typer
from rich.console import Console
from rich.table import Column, Table

from libs.http.jwt import MIN_KEY_BYTES, issue
from libs.stack import StackError
from services.ops import stockx_commands
from services.ops.market_data import add_to_stockx
from services.ops.processes import SANDBOX, STOCKX_POLLER
from services.ops.sandbox_wiring import SANDBOX_USER, read_accounts, services_environment, wants_sandbox
from services.ops.stockx_enrich import enrich

_KEY = "STOCKX_POLLER_JWT_KEY"
_URL = "STOCKX_POLLER_URL"
_PATH = "/api/v1/stockx"

T = TypeVar("T")
_User = Annotated[str, typer.Option("--user", help="Whose token; the sandbox's sellers are 1, 2, …")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="StockX: the quota, what is planned, products' ids.", no_args_is_help=True)
    group.command("token")(token)
    group.command("quota")(quota)
    group.command("enrich")(enrich)
    add_to_stockx(group)
    stockx_commands.register(group)
    app.add_typer(group, name="stockx")


def token(
    user: _User = SANDBOX_USER,
    hours: Annotated[float, typer.Option(help="How long it is good for.", min=0.01, max=24 * 30)] = 12,
) -> None:
    """Print a token for the API of stockx_poller."""
    print(_run(lambda: _token(user, timedelta(hours=hours))))


def quota(
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
    user: _User = SANDBOX_USER,
) -> None:
    """Show what is left today, what is planned, and when the last pending operation is expected to be known."""
    told = _run(lambda: _answer("/quota", user))
    if as_json:
        print(json.dumps(told, indent=1))
        return
    for line in lines(told, datetime.now(UTC)):
        print(line)
    if told["accounts"]:
        Console().print(_table(told["accounts"]))


def lines(told: dict[str, Any], now: datetime) -> list[str]:
    """The quota in words."""
    resets = datetime.fromisoformat(told["resets_at"])
    minutes = max(0, round((resets - now).total_seconds() / 60))
    return [
        f"Requests: {told['requests_left']:,} of {told['requests_a_day']:,} left today; "
        f"{told['reserve']:,} of them are kept for commands.",
        f"Items of batches: {told['items_left_now']:,} may be sent now (at most {told['items_a_day']:,} a day).",
        f"The day ends at {resets:%H:%M} UTC, in {minutes // 60} h {minutes % 60} min.",
    ]


def _table(accounts: list[dict[str, Any]]) -> Table:
    table = Table(
        Column("account", no_wrap=True), "waiting", "doubtful", "pending", "planned", "all known at", box=None
    )
    for each in accounts:
        known = (
            "now" if each["all_known_at"] is None else f"{datetime.fromisoformat(each['all_known_at']):%d %b %H:%M:%S}"
        )
        if not each["fits_today"]:
            known += " (the quota is short today)"
        if each["halted"]:
            known = f"halted: {each['halted']}"
        counts = [str(each[name]) for name in ("waiting", "doubtful", "pending", "planned_requests")]
        table.add_row(each["account"], *counts, known)
    return table


async def _answer(path: str, user: str) -> Any:
    headers = {"Authorization": f"Bearer {await _token(user, timedelta(hours=1))}"}
    base = os.environ.get(_URL) or f"http://127.0.0.1:{STOCKX_POLLER.port_in(os.environ)}"
    async with aiohttp.ClientSession() as http, http.get(f"{base.rstrip('/')}{_PATH}{path}", headers=headers) as told:
        body = await told.json(content_type=None)
        if told.status >= 400:
            _fail(body.get("detail", f"{told.status}") if isinstance(body, dict) else f"{told.status}")
        return body


async def _token(user: str, life: timedelta) -> str:
    key = os.environ.get(_KEY) or await _sandbox_key()
    if len(key.encode()) < MIN_KEY_BYTES:
        _fail(f"{_KEY} is too short: it needs {MIN_KEY_BYTES} bytes, and must be the service's own.")
    return issue(key, user, life)


async def _sandbox_key() -> str:
    if not wants_sandbox(os.environ):
        _fail(f"Set {_KEY} to the key of the service stockx_poller.")
    sandbox = f"http://127.0.0.1:{SANDBOX.port_in(os.environ)}"
    return services_environment(await read_accounts(sandbox), "", sandbox)[_KEY]


def _run(work: Callable[[], Awaitable[T]]) -> T:
    async def done() -> T:
        return await work()

    try:
        return asyncio.run(done())
    except StackError as error:
        _fail(str(error))
    except (aiohttp.ClientError, TimeoutError) as error:
        _fail(f"stockx_poller does not answer ({type(error).__name__}: {error}). `sellstream status` tells what runs.")


def _fail(text: str) -> NoReturn:
    print(text, file=sys.stderr)
    raise typer.Exit(1)
