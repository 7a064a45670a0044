"""`sellstream ebay token | sync | runs | stop`: eBay's synchronisation, by the HTTP API of its service."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NoReturn, TypeVar

import aiohttp
import typer
from rich.console import Console
from rich.table import Column, Table

from libs.http.jwt import MIN_KEY_BYTES, issue
from libs.stack import StackError
from services.ops.processes import EBAY_SYNC, SANDBOX
from services.ops.sandbox_wiring import SANDBOX_USER, read_accounts, services_environment, wants_sandbox

_KEY = "EBAY_SYNC_JWT_KEY"
_URL = "EBAY_SYNC_URL"
_RECONNECTS = 10
_PATH = "/ebay/sync"

T = TypeVar("T")
_User = Annotated[str, typer.Option("--user", help="Whose token; the sandbox's sellers are 1, 2, …")]
_Account = Annotated[str | None, typer.Option("--account", help="Needed by users who have several.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="eBay: synchronise inventory and offers.", no_args_is_help=True)
    group.command("token")(token)
    group.command("sync")(sync)
    group.command("runs")(runs)
    group.command("stop")(stop)
    app.add_typer(group, name="ebay")


def token(
    user: _User = SANDBOX_USER,
    hours: Annotated[float, typer.Option(help="How long it is good for.", min=0.01, max=24 * 30)] = 12,
) -> None:
    """Print a token for the page and the API of ebay_sync."""
    print(_run(lambda: _token(user, timedelta(hours=hours))))


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
    try:
        end = _run(lambda: _follow(run_id, user))
    except KeyboardInterrupt:
        typer.echo(f"\n{run_id} goes on. Stop it with: sellstream ebay stop {run_id}", err=True)
        raise typer.Exit(130) from None
    if end["status"] != "completed":
        raise typer.Exit(1)


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
    numbers_of = ("fetched", "stored", "unchanged", "failed")
    table = Table(
        Column("run", no_wrap=True), "account", Column("status", no_wrap=True), *numbers_of, "began", box=None
    )
    for run in found:
        counts = run["counts"]
        numbers = [str(counts[name]) for name in numbers_of]
        began = datetime.fromisoformat(run["began_at"] or run["created_at"])
        table.add_row(run["run_id"], run["account"], run["status"], *numbers, f"{began:%Y-%m-%d %H:%M:%S}")
    Console().print(table)


def stop(
    run_id: Annotated[str, typer.Argument(help="As `sellstream ebay runs` tells it.", show_default=False)],
    user: _User = SANDBOX_USER,
) -> None:
    """Stop a run at its next checkpoint."""
    print(_call("POST", f"/{run_id}/stop", user)["message"])


def _call(method: str, path: str, user: str, query: dict[str, str] | None = None) -> Any:
    return _run(lambda: _answer(method, path, user, query or {}))


async def _answer(method: str, path: str, user: str, query: dict[str, str]) -> Any:
    headers = await _headers(user)
    async with aiohttp.ClientSession() as http, http.request(method, _url(path), params=query, headers=headers) as told:
        body = await told.json(content_type=None)
        if told.status >= 400:
            _fail(body.get("detail", f"{told.status}") if isinstance(body, dict) else f"{told.status}")
        return body


async def _follow(run_id: str, user: str) -> dict[str, Any]:
    """Print what a run says until its end; a lost connection is made again and misses nothing."""
    headers, failures = await _headers(user), 0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as http:
        while True:
            try:
                async with http.get(_url(f"/events/{run_id}"), headers=headers) as told:
                    told.raise_for_status()
                    async for event in _events(told.content):
                        failures = 0
                        data: dict[str, Any] = json.loads(event["data"])
                        if event.get("event") == "end":
                            return data
                        print(data["line"])
                        headers["Last-Event-ID"] = event["id"]
            except aiohttp.ClientConnectionError:
                if failures >= _RECONNECTS:
                    raise
            failures += 1
            await asyncio.sleep(1)


async def _events(content: aiohttp.StreamReader) -> AsyncIterator[dict[str, str]]:
    """Server-sent events (WHATWG HTML, section 9.2), of which each field stands once."""
    event: dict[str, str] = {}
    async for raw in content:
        name, colon, value = raw.decode().rstrip("\n").partition(":")
        if name:
            event[name] = value.removeprefix(" ")
        elif not colon:
            if "data" in event:
                yield event
            event = {}


def _url(path: str) -> str:
    base = os.environ.get(_URL) or f"http://127.0.0.1:{EBAY_SYNC.port_in(os.environ)}"
    return f"{base.rstrip('/')}{_PATH}{path}"


async def _headers(user: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {await _token(user, timedelta(hours=12))}"}


async def _token(user: str, life: timedelta) -> str:
    key = os.environ.get(_KEY) or await _sandbox_key()
    if len(key.encode()) < MIN_KEY_BYTES:
        _fail(f"{_KEY} is too short: it needs {MIN_KEY_BYTES} bytes, and must be the service's own.")
    return issue(key, user, life)


async def _sandbox_key() -> str:
    if not wants_sandbox(os.environ):
        _fail(f"Set {_KEY} to the key of the service ebay_sync.")
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
        _fail(f"ebay_sync does not answer ({type(error).__name__}: {error}). `sellstream status` tells what runs.")


def _fail(text: str) -> NoReturn:
    print(text, file=sys.stderr)
    raise typer.Exit(1)
