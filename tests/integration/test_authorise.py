"""`sellstream stockx authorise` and `sellstream ebay authorise`: from the consent in a browser to tokens that work."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import HttpUrl, SecretStr
from typer.testing import CliRunner
from yarl import URL

from libs.access.stockx import Reach, StockXAccount, open_stockx
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.http.client import ApiClient, ApiSettings
from libs.marketplaces.ebay import oauth as ebay_oauth
from libs.marketplaces.stockx.client import api_settings
from libs.marketplaces.stockx.limits import StockXLimits
from libs.oauth.store import PostgresTokenStore
from libs.oauth.tokens import RotatingTokens
from libs.secrets.keys import new_key, read_keys
from libs.secrets.system_config import SystemConfig
from libs.secrets.vault import Vault
from services.ops.cli import app
from services.ops.processes import sellstream_command
from tests.integration.running_sandbox import Sandbox, sandbox

KEY = new_key()
VAULT = Vault(read_keys(KEY))
_SECONDS = 30


@dataclass
class World:
    """A sandbox whose applications have their redirect on this machine, and a database."""

    shop: Sandbox
    database: Database
    folder: Path

    async def environment(self, **more: str) -> dict[str, str]:
        told = await self.shop.control("GET", "/_accounts")
        stockx, ebay = told["stockx"], told["ebay"]
        await SystemConfig(self.database, VAULT).put("stockx_client_secret", stockx["client_secret"])
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "SELLSTREAM_STATE_DIR": str(self.folder),
            "DATABASE_URL": self.database.url,
            "SELLSTREAM_SECRETS_KEYS": KEY,
            "STOCKX_POLLER_ACCOUNTS": json.dumps(
                [{"account": "acme", "user_id": "1", "client_id": stockx["client_id"], "api_key": stockx["api_key"]}]
            ),
            "STOCKX_POLLER_ACCOUNTS_URL": f"{self.shop.base}/stockx",
            "STOCKX_REDIRECT_URI": stockx["redirect_uri"],
            "EBAY_SYNC_ACCOUNTS": json.dumps(
                [{"account": "shop", "client_id": ebay["client_id"], "client_secret": ebay["client_secret"]}]
            ),
            "EBAY_SYNC_API__BASE_URL": f"{self.shop.base}/ebay",
            "EBAY_AUTHORIZE_URL": f"{self.shop.base}/ebay/oauth2/authorize",
            "EBAY_RU_NAME": ebay["ru_name"],
            "EBAY_REDIRECT_URL": ebay["redirect_url"],
            **more,
        }

    async def agree(self, address: URL) -> tuple[int, str]:
        """A browser: it follows where it is sent."""
        async with self.shop.http.get(address) as answer:
            return answer.status, await answer.text()

    async def sent_to(self, address: URL) -> str:
        """Where the marketplace sends the browser."""
        async with self.shop.http.get(address, allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
            return answer.headers["Location"]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(database_url, application="tests", most=4))
        await migrate(database)
        shop = await stack.enter_async_context(
            sandbox(
                stockx_limited=False,
                stockx_products=10,
                stockx_orders=0,
                ebay_items=1,
                ebay_orders=0,
                stockx_redirect_uri=f"http://127.0.0.1:{free_port()}/oauth/stockx",
                ebay_redirect_url="https://shop.example/agreed",
            )
        )
        yield World(shop, database, tmp_path)


class Command:
    """A command that runs, as a person sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.output = ""

    async def line(self, beginning: str) -> str:
        """The next line that begins so."""
        assert self._process.stdout is not None
        async with asyncio.timeout(_SECONDS):
            while raw := await self._process.stdout.readline():
                self.output += raw.decode()
                if raw.decode().startswith(beginning):
                    return raw.decode().strip()
        raise AssertionError(f"no line begins with {beginning}: {self.output}")

    async def ends(self, typed: str = "") -> tuple[int, str]:
        async with asyncio.timeout(_SECONDS):
            out, _ = await self._process.communicate(f"{typed}\n".encode() if typed else None)
        assert self._process.returncode is not None
        return self._process.returncode, self.output + out.decode()


@asynccontextmanager
async def command(environment: Mapping[str, str], *arguments: str) -> AsyncIterator[Command]:
    process = await asyncio.create_subprocess_exec(
        *sellstream_command(*arguments),
        env={**environment, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Command(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_stockx_account_is_authorised_in_a_browser_and_then_works(world: World) -> None:
    environment = await world.environment()
    async with command(environment, "stockx", "authorise", "--account", "acme") as run:
        address = URL(await run.line("http"))
        assert address.query["redirect_uri"] == environment["STOCKX_REDIRECT_URI"]
        await run.line("The answer is waited for")
        forged = URL(environment["STOCKX_REDIRECT_URI"]).update_query(code="a stranger's", state="made-up")
        status, page = await world.agree(forged)
        assert status == 400
        assert "not one that was given out here" in page
        status, page = await world.agree(address.update_query(seller="stockx-seller1"))
        assert status == 200, page
        assert "acme is authorised at StockX" in page
        code, output = await run.ends()
    assert code == 0, output
    assert "acme is authorised at StockX.\nNext: " in output

    account = StockXAccount(
        account="acme",
        client_id=json.loads(environment["STOCKX_POLLER_ACCOUNTS"])[0]["client_id"],
        api_key=SecretStr(json.loads(environment["STOCKX_POLLER_ACCOUNTS"])[0]["api_key"]),
    )
    api = api_settings(f"{world.shop.base}/stockx/v2")
    reach = Reach(api, HttpUrl(f"{world.shop.base}/stockx"), StockXLimits(seconds_between_requests=0.001), "TEST")
    async with AsyncExitStack() as stack:
        stockx = await open_stockx(account, reach, world.database, world.database, VAULT, stack)
        assert (await stockx.catalog.search("HQ4276")).entries, "whoever has the account's name has its tokens"
    pair = await PostgresTokenStore(world.database, f"stockx {account.client_id}", VAULT).load("acme")
    assert pair is not None
    async with world.database.connection() as connection:
        rows = await connection.fetch("SELECT key, encrypted_value FROM core.system_config ORDER BY key")
    assert {"stockx_access_token/acme", "stockx_refresh_token/acme"} <= {row["key"] for row in rows}
    told = b"".join(row["encrypted_value"] for row in rows)
    assert pair.access.encode() not in told
    assert pair.refresh.encode() not in told
    assert pair.access not in output + page


async def test_who_declines_is_told_so_and_nothing_is_kept(world: World) -> None:
    """With nothing configured, as after `make up`: the accounts are the sandbox's."""
    told = ("PATH", "HOME", "SELLSTREAM_STATE_DIR", "DATABASE_URL", "SELLSTREAM_SECRETS_KEYS")
    whole = await world.environment()
    environment = {name: whole[name] for name in told} | {"SANDBOX_PORT": str(URL(world.shop.base).port)}
    async with command(environment, "stockx", "authorise", "--account", "stockx-seller0") as run:
        address = URL(await run.line("http"))
        await run.line("The answer is waited for")
        status, _ = await world.agree(address.update_query(agree="no"))
        assert status == 400
        code, output = await run.ends()
    assert code == 1
    assert "Nobody agreed: access_denied User did not authorize the request." in output
    async with world.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM oauth.tokens") == 0


async def test_an_ebay_account_is_authorised_by_a_pasted_address_which_works_once(world: World) -> None:
    environment = await world.environment()
    seller = (await world.shop.control("GET", "/_accounts"))["ebay"]["sellers"][1]["username"]
    async with command(environment, "ebay", "authorise", "--account", "shop") as run:
        back = await world.sent_to(URL(await run.line("http")).update_query(seller=seller))
        assert back.startswith("https://shop.example/agreed?code=")
        code, output = await run.ends(back)
    assert code == 0, output
    assert "shop is authorised at eBay." in output
    async with command(environment, "ebay", "authorise", "--account", "shop", "--redirected", back) as again:
        code, output = await again.ends()
    assert code == 1
    assert "Its state is not one that was given out here, or it was used" in output

    (entry,) = json.loads(environment["EBAY_SYNC_ACCOUNTS"])
    application = ebay_oauth.EbayApplication(client_id=entry["client_id"], client_secret=entry["client_secret"])
    store = PostgresTokenStore(world.database, ebay_oauth.token_client(entry["client_id"]), VAULT)
    async with ApiClient("ebay", ApiSettings(base_url=HttpUrl(f"{world.shop.base}/ebay"))) as api:
        tokens = RotatingTokens("ebay", "shop", store, ebay_oauth.refresh_grant(api, application))
        first = await tokens.token()
        assert await tokens.refresh(first) != first, "its refresh token is good at eBay"


async def test_what_is_missing_is_said(world: World) -> None:
    environment = await world.environment(STOCKX_REDIRECT_URI="")
    for arguments, told in (
        (("stockx", "authorise", "--account", "nobody"), "No account is called nobody: give STOCKX_POLLER_ACCOUNTS an"),
        (("stockx", "authorise", "--account", "acme"), "The redirect URI is missing: --redirect-uri"),
    ):
        result = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=environment)
        assert result.exit_code == 1
        assert told in result.output
