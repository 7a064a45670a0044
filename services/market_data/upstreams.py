"""StockX, GOAT and Notion as they are configured: clients, opened, with their secrets."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from pydantic import SecretStr

from libs.db.pool import Database
from libs.http.client import ApiClient
from libs.marketplaces.goat.client import Goat
from libs.marketplaces.goat.client import api_settings as goat_settings
from libs.marketplaces.goat.client import limiter as goat_limiter
from libs.marketplaces.goat.pricing import GoatPricing
from libs.marketplaces.stockx.client import StockX
from libs.marketplaces.stockx.limits import Unlimited
from libs.marketplaces.stockx.oauth import StockXApplication, refresh_grant
from libs.notion.client import Notion
from libs.notion.client import api_settings as notion_settings
from libs.notion.client import limiter as notion_limiter
from libs.oauth.store import PostgresTokenStore
from libs.oauth.tokens import RotatingTokens, TokenPair
from libs.products.cache import ProductCache
from libs.products.lookup import ProductLookup
from libs.products.unreadable import KeptCatalog, UnreadableAnswers
from libs.quota.limiter import SharedRateLimiter
from libs.secrets.keys import SecretsError
from libs.secrets.system_config import SystemConfig
from services.market_data.config import Config, GoatAccess, NotionAccess, StockXAccount
from services.market_data.products import Products

CLIENT = "stockx"


@dataclass(frozen=True, slots=True)
class AtStockX:
    """The client, and products looked up with it; `unreadable` keeps what cannot be read."""

    client: StockX
    products: Products
    unreadable: UnreadableAnswers


async def open_stockx(
    account: StockXAccount, config: Config, database: Database, tokens: Database, stack: AsyncExitStack
) -> AtStockX:
    """Limits, tokens and the cache are those of all services. Raises SecretsError if a secret is nowhere."""
    kept = SystemConfig(database, config.secrets.vault)
    secret = await _secret(kept, "stockx_client_secret", account.client_secret)
    key = await _secret(kept, "stockx_api_key", account.api_key)
    limiter = SharedRateLimiter(database, config.limits.rules())
    api = await stack.enter_async_context(ApiClient(CLIENT, config.api, limiter))
    settings = config.api.model_copy(update={"base_url": config.accounts_url})
    accounts = await stack.enter_async_context(ApiClient(f"{CLIENT}_accounts", settings))
    store = PostgresTokenStore(tokens, f"{CLIENT} {account.client_id}", config.secrets.vault)
    if account.refresh_token is not None:
        await store.seed(account.account, TokenPair("", account.refresh_token.get_secret_value()))
    application = StockXApplication(
        client_id=account.client_id, client_secret=secret, accounts_url=str(config.accounts_url).rstrip("/")
    )
    rotating = RotatingTokens(CLIENT, account.account, store, refresh_grant(accounts, application))
    stack.push_async_callback(rotating.close)
    client = StockX(api, rotating, key, Unlimited())
    unreadable = UnreadableAnswers(database, account.account)
    catalog = KeptCatalog(client.catalog, unreadable)
    return AtStockX(client, Products(catalog, ProductLookup(catalog, ProductCache(database))), unreadable)


async def open_goat(access: GoatAccess, stack: AsyncExitStack) -> tuple[Goat, GoatPricing]:
    """Catalog and prices, at one pace."""
    settings = goat_settings(str(access.base_url))
    api = await stack.enter_async_context(ApiClient("goat", settings, goat_limiter(max_wait=60.0)))
    return Goat(api, access.token), GoatPricing(api, access.token)


async def open_notion(access: NotionAccess, stack: AsyncExitStack) -> Notion:
    settings = notion_settings(str(access.base_url))
    return Notion(await stack.enter_async_context(ApiClient("notion", settings, notion_limiter())), access.token)


async def _secret(kept: SystemConfig, key: str, told: SecretStr | None) -> SecretStr:
    secret = await kept.secret(key, told.get_secret_value() if told is not None else None)
    if not secret:
        raise SecretsError(f"{key} is nowhere: set it once by `sellstream secrets set {key}`, or in MARKET_DATA_STOCKX")
    return SecretStr(secret)
