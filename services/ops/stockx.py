"""`sellstream stockx authorise | quota | token`: accounts, and what is left of the limits."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import aiohttp
import typer
from rich.console import Console
from rich.table import Column, Table

from services.ops import authorise_commands, stockx_commands
from services.ops.market_data import add_to_stockx
from services.ops.processes import STOCKX_POLLER
from services.ops.sandbox_wiring import SANDBOX_USER
from services.ops.service_api import ServiceApi, fail
from services.ops.stockx_enrich import enrich

_SERVICE = ServiceApi(STOCKX_POLLER)

_User = Annotated[str, typer.Option("--user", help="Whose token; the sandbox's sellers are 1, 2, …")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="StockX: accounts, the quota, what is planned, products' ids.", no_args_is_help=True)
    group.command("authorise")(authorise_commands.stockx)
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
    print(_SERVICE.run(lambda: _SERVICE.token(user, timedelta(hours=hours))))


def quota(
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
    user: _User = SANDBOX_USER,
) -> None:
    """Show what is left today, what is planned, and when the last pending operation is expected to be known."""
    told = _SERVICE.run(lambda: _answer("/quota", user))
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
    headers = await _SERVICE.headers(user, timedelta(hours=1))
    async with (
        aiohttp.ClientSession() as http,
        http.get(_SERVICE.url(f"/api/v1/stockx{path}"), headers=headers) as told,
    ):
        body = await told.json(content_type=None)
        if told.status >= 400:
            fail(body.get("detail", f"{told.status}") if isinstance(body, dict) else f"{told.status}")
        return body
