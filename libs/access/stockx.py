"""Access to StockX with one seller's account: what a service that only asks must be told, and the opened client.

    stockx = await open_stockx(account, reach, database, tokens, vault, stack)

Tokens are filed under the name that stockx_poller uses, and requests are counted with its: all share a refresh token
that rotates, and one quota.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr

from libs.db.pool import Database
from libs.http.client import ApiClient, ApiSettings
from libs.marketplaces.stockx.client import StockX
from libs.marketplaces.stockx.limits import StockXLimits, Unlimited
from libs.marketplaces.stockx.oauth import StockXApplication, refresh_grant, token_client
from libs.oauth.store import PostgresTokenStore
from libs.oauth.tokens import RotatingTokens, TokenPair
from libs.quota.limiter import SharedRateLimiter
from libs.secrets.keys import SecretsError
from libs.secrets.system_config import SystemConfig
from libs.secrets.vault import Vault

CLIENT = "stockx"
CLIENT_SECRET, API_KEY = "stockx_client_secret", "stockx_api_key"
"""Under which keys `core.system_config` keeps the application's secrets."""


class StockXAccount(BaseModel):
    """The account that StockX is asked with; its catalog and its market are the same for all. A secret that is not told
    here is the one that `core.system_config` keeps under its name (`stockx_client_secret`, `stockx_api_key`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    account: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="Our name of it, as stockx_poller has it")
    client_id: str = Field(min_length=1)
    client_secret: SecretStr | None = None
    api_key: SecretStr | None = None
    refresh_token: SecretStr | None = Field(
        default=None, description="Of the first authorisation; none after `sellstream stockx authorise`"
    )


@dataclass(frozen=True, slots=True)
class Reach:
    """How StockX is reached. `setting`: the environment variable that tells the account, for errors."""

    api: ApiSettings
    accounts_url: HttpUrl
    limits: StockXLimits
    setting: str


async def open_stockx(
    account: StockXAccount, reach: Reach, database: Database, tokens: Database, vault: Vault, stack: AsyncExitStack
) -> StockX:
    """The client, until `stack` ends. Raises SecretsError if a secret is nowhere."""
    kept = SystemConfig(database, vault)
    secret = await _secret(kept, CLIENT_SECRET, account.client_secret, reach.setting)
    key = await _secret(kept, API_KEY, account.api_key, reach.setting)
    limiter = SharedRateLimiter(database, reach.limits.rules())
    api = await stack.enter_async_context(ApiClient(CLIENT, reach.api, limiter))
    settings = reach.api.model_copy(update={"base_url": reach.accounts_url})
    accounts = await stack.enter_async_context(ApiClient(f"{CLIENT}_accounts", settings))
    store = PostgresTokenStore(tokens, token_client(account.client_id), vault)
    if account.refresh_token is not None:
        await store.seed(account.account, TokenPair("", account.refresh_token.get_secret_value()))
    application = StockXApplication(
        client_id=account.client_id, client_secret=secret, accounts_url=str(reach.accounts_url).rstrip("/")
    )
    rotating = RotatingTokens(CLIENT, account.account, store, refresh_grant(accounts, application))
    stack.push_async_callback(rotating.close)
    return StockX(api, rotating, key, Unlimited())


async def _secret(kept: SystemConfig, key: str, told: SecretStr | None, setting: str) -> SecretStr:
    secret = await kept.secret(key, told.get_secret_value() if told is not None else None)
    if not secret:
        raise SecretsError(f"{key} is nowhere: set it once by `sellstream secrets set {key}`, or in {setting}")
    return SecretStr(secret)
