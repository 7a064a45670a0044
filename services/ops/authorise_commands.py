"""`sellstream stockx authorise` and `sellstream ebay authorise`: an account gets its tokens by its seller's consent.

The application is that of the account's entry in the services' settings (which then needs no `refresh_token`), or the
sandbox's where nobody has told of accounts.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

import aiohttp
import typer
from pydantic import BaseModel, HttpUrl, SecretStr, TypeAdapter, ValidationError
from yarl import URL

from libs.access.stockx import CLIENT_SECRET
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.http.client import ApiClient, ApiSettings
from libs.http.errors import ApiError
from libs.marketplaces.ebay import client as ebay_client
from libs.marketplaces.ebay import oauth as ebay_oauth
from libs.marketplaces.stockx import oauth as stockx_oauth
from libs.oauth.redirect import NoAgreement, read_redirect
from libs.secrets.keys import SecretsError
from libs.secrets.system_config import SystemConfig
from libs.secrets.vault import Vault
from libs.stack import StackError, state_folder
from schemas.registry import summary
from services.ops.authorise import Authorising, Authority
from services.ops.connection import database_url
from services.ops.processes import SANDBOX
from services.ops.sandbox_wiring import read_accounts, services_environment, wants_sandbox
from services.ops.secret_keys import vault_of
from services.ops.service_api import fail

Environment = Mapping[str, str]
Opened = Callable[[Environment, Database, Vault], AbstractAsyncContextManager[Authority]]
"""A marketplace's authority for as long as it is needed. Raises NoAgreement, SecretsError."""

_Account = Annotated[str, typer.Option("--account", help="Our name of it, as in the services' settings.")]
_Paste = Annotated[bool, typer.Option("--paste", help="Listen nowhere: the address that comes back is pasted.")]
_Redirected = Annotated[
    str, typer.Option("--redirected", help="The address that came back from an earlier call: nothing is waited for.")
]


class _Entry(BaseModel):
    """What is needed of an account's settings."""

    account: str
    client_id: str
    client_secret: SecretStr | None = None


_ENTRIES = TypeAdapter(list[_Entry])


def stockx(
    account: _Account,
    redirect_uri: Annotated[
        str, typer.Option(envvar="STOCKX_REDIRECT_URI", help="As it is registered with the application.")
    ] = "",
    paste: _Paste = False,
    redirected: _Redirected = "",
) -> None:
    """Let a seller authorise us in a browser. The tokens are kept encrypted, for all services."""

    @asynccontextmanager
    async def opened(environ: Environment, database: Database, vault: Vault) -> AsyncIterator[Authority]:
        entry = _entry(environ, account, "STOCKX_POLLER_ACCOUNTS", "PRODUCT_SEARCH_STOCKX", "MARKET_DATA_STOCKX")
        secret = entry.client_secret or SecretStr(await SystemConfig(database, vault).get(CLIENT_SECRET) or "")
        if not secret.get_secret_value():
            raise SecretsError(
                f"{CLIENT_SECRET} is nowhere: set it once by `sellstream secrets set {CLIENT_SECRET}`, or in the "
                "account's entry"
            )
        redirect = redirect_uri or environ.get("STOCKX_REDIRECT_URI", "")
        if not redirect:
            raise NoAgreement("the redirect URI is missing: --redirect-uri, as it is registered with the application")
        url = environ.get("STOCKX_POLLER_ACCOUNTS_URL") or stockx_oauth.BASE_URL
        application = stockx_oauth.StockXApplication(
            client_id=entry.client_id, client_secret=secret, redirect_uri=redirect, accounts_url=url
        )
        async with ApiClient("stockx_accounts", ApiSettings(base_url=HttpUrl(url))) as api:
            yield Authority(
                "StockX",
                stockx_oauth.token_client(entry.client_id),
                lambda state: stockx_oauth.consent_url(application, state),
                URL(redirect),
                stockx_oauth.code_exchange(api, application),
            )

    then = (
        f"Next: the services that have {account} in their settings (STOCKX_POLLER_ACCOUNTS, PRODUCT_SEARCH_STOCKX, "
        "MARKET_DATA_STOCKX) use its tokens from now on, stockx_poller within five minutes.\n"
        "`sellstream stockx quota` tells whether the account's work goes on."
    )
    _authorise(opened, account, paste, redirected, then)


def ebay(
    account: _Account,
    ru_name: Annotated[str, typer.Option(envvar="EBAY_RU_NAME", help="The RuName of the application.")] = "",
    redirect_url: Annotated[
        str, typer.Option(envvar="EBAY_REDIRECT_URL", help="The address that the RuName stands for.")
    ] = "",
    paste: _Paste = False,
    redirected: _Redirected = "",
) -> None:
    """Let a seller authorise us in a browser. The tokens are kept encrypted, for all services."""

    @asynccontextmanager
    async def opened(environ: Environment, _database: Database, _vault: Vault) -> AsyncIterator[Authority]:
        entry = _entry(environ, account, "EBAY_SYNC_ACCOUNTS")
        name = ru_name or environ.get("EBAY_RU_NAME", "")
        back = redirect_url or environ.get("EBAY_REDIRECT_URL", "")
        if not name or not back:
            raise NoAgreement("the RuName, or the address that it stands for, is missing: --ru-name, --redirect-url")
        if entry.client_secret is None:
            raise SecretsError(f"the entry of {account} in EBAY_SYNC_ACCOUNTS has no client_secret")
        application = ebay_oauth.EbayApplication(
            client_id=entry.client_id,
            client_secret=entry.client_secret,
            ru_name=name,
            authorize_url=environ.get("EBAY_AUTHORIZE_URL") or ebay_oauth.AUTHORIZE_URL,
        )
        url = environ.get("EBAY_SYNC_API__BASE_URL") or ebay_client.BASE_URL
        async with ApiClient("ebay", ApiSettings(base_url=HttpUrl(url))) as api:
            yield Authority(
                "eBay",
                ebay_oauth.token_client(entry.client_id),
                lambda state: ebay_oauth.consent_url(application, state),
                URL(back),
                ebay_oauth.code_exchange(api, application),
            )

    then = (
        f"Next: ebay_sync, which has {account} in EBAY_SYNC_ACCOUNTS, uses its tokens from now on.\n"
        f"`sellstream ebay sync inventory --account {account}` synchronises it."
    )
    _authorise(opened, account, paste, redirected, then)


def _entry(environ: Environment, account: str, *names: str) -> _Entry:
    """The account's entry in the first of these settings that has one. Raises NoAgreement."""
    for name in names:
        try:
            told = json.loads(environ.get(name) or "[]")
            entries = _ENTRIES.validate_python(told if isinstance(told, list) else [told])
        except ValidationError as error:
            raise NoAgreement(f"{name} is wrong: {summary(error)}") from None
        except ValueError:
            raise NoAgreement(f"{name} is not JSON") from None
        for entry in entries:
            if entry.account == account:
                return entry
    raise NoAgreement(
        f"no account is called {account}: give {names[0]} an entry of this name first, with client_id and "
        "client_secret; it needs no refresh_token"
    )


async def _environment() -> Environment:
    """The services' settings; with the sandbox's accounts where nobody has told of others. Raises StackError."""
    if not wants_sandbox(os.environ):
        return os.environ
    sandbox = f"http://127.0.0.1:{SANDBOX.port_in(os.environ)}"
    try:
        accounts = await read_accounts(sandbox)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise StackError(f"no account is configured, and the sandbox does not answer ({error})") from error
    return {**services_environment(accounts, "", sandbox), **os.environ}


def _authorise(opened: Opened, account: str, paste: bool, redirected: str, then: str) -> None:
    """Get the account its tokens, and tell what comes `then`; what goes wrong is a sentence and exit status 1."""

    async def agreed() -> str:
        environ = await _environment()
        vault = vault_of(os.environ, state_folder(os.environ))
        async with (
            Database(database_url(), application="sellstream authorise", most=2) as database,
            opened(environ, database, vault) as authority,
        ):
            authorising = Authorising(authority, account, database, vault)
            if redirected:
                return await authorising.take(read_redirect(redirected))
            return await authorising.wait(paste=paste)

    try:
        told = asyncio.run(agreed())
    except TimeoutError:
        fail("Nobody has agreed in time. Begin again.")
    except OSError as error:
        fail(f"The answer cannot be heard here: {error}. Use --paste.")
    except (NoAgreement, StackError, SecretsError, DatabaseAway, NotMigrated, ApiError) as error:
        why = str(error)
        fail(f"{why[0].upper()}{why[1:].removesuffix('.')}.")
    typer.echo(told)
    typer.echo(then)
