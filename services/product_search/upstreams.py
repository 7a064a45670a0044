"""The marketplaces as they are configured: clients, opened, with their secrets from `core.system_config`."""

from collections.abc import Mapping
from contextlib import AsyncExitStack

from pydantic import SecretStr

from libs.db.pool import Database
from libs.http.client import ApiClient, ApiSettings
from libs.marketplaces.ebay.application_tokens import ApplicationTokens
from libs.marketplaces.ebay.browse import Browse
from libs.marketplaces.ebay.caller import EbayCaller
from libs.marketplaces.ebay.oauth import EbayApplication
from libs.marketplaces.goat.client import Goat
from libs.marketplaces.goat.client import limiter as goat_limiter
from libs.marketplaces.klekt.client import Klekt
from libs.marketplaces.stockx.client import StockX
from libs.marketplaces.stockx.limits import Unlimited
from libs.marketplaces.stockx.oauth import StockXApplication, refresh_grant
from libs.oauth.store import PostgresTokenStore
from libs.oauth.tokens import RotatingTokens, TokenPair
from libs.products.hits import exact_first
from libs.products.lookup import Searches
from libs.quota.limiter import SharedRateLimiter
from libs.secrets.keys import SecretsError
from libs.secrets.system_config import SystemConfig
from services.product_search.config import Config, EbayAccess, GoatAccess, KlektAccess, StockXAccount
from services.product_search.everywhere import Ask
from services.product_search.messages import MarketplaceTold
from services.product_search.searching import LEAST_ASKED_FOR
from services.product_search.telling import at_ebay, at_goat, at_klekt, at_stockx

CLIENT = "stockx"


async def open_stockx(
    account: StockXAccount, config: Config, database: Database, tokens: Database, stack: AsyncExitStack
) -> StockX:
    """The client; it shares limits and tokens with stockx_poller. Raises SecretsError if a secret is nowhere."""
    kept = SystemConfig(database, config.secrets.vault)
    secret = await _secret(kept, "stockx_client_secret", account.client_secret)
    key = await _secret(kept, "stockx_api_key", account.api_key)
    api = await stack.enter_async_context(
        ApiClient(CLIENT, config.api, SharedRateLimiter(database, config.limits.rules()))
    )
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
    return StockX(api, rotating, key, Unlimited())


async def open_others(config: Config, searches: Searches | None, stack: AsyncExitStack) -> Mapping[str, Ask]:
    """How each configured marketplace is searched."""
    asks: dict[str, Ask] = {}
    if searches is not None:
        asks["stockx"] = _stockx(searches)
    if config.goat is not None:
        asks["goat"] = await _goat(config.goat, config, stack)
    if config.klekt is not None:
        asks["klekt"] = await _klekt(config.klekt, config, stack)
    if config.ebay is not None:
        asks["ebay"] = await _ebay(config.ebay, config, stack)
    return asks


async def _secret(kept: SystemConfig, key: str, told: SecretStr | None) -> SecretStr:
    secret = await kept.secret(key, told.get_secret_value() if told is not None else None)
    if not secret:
        raise SecretsError(
            f"{key} is nowhere: set it once by `sellstream secrets set {key}`, or in PRODUCT_SEARCH_STOCKX"
        )
    return SecretStr(secret)


def _settings(config: Config, base_url: object) -> ApiSettings:
    return ApiSettings.model_validate(
        {"base_url": base_url, "timeout_seconds": config.patience.total_seconds(), "attempts": 2}
    )


def _stockx(searches: Searches) -> Ask:
    async def ask(query: str, size: int) -> MarketplaceTold:
        found = await searches.search(query, page_size=max(size, LEAST_ASKED_FOR))
        products = exact_first(query, found.entries)[:size]
        return MarketplaceTold(products=[at_stockx(each) for each in products], total=found.total)

    return ask


async def _goat(access: GoatAccess, config: Config, stack: AsyncExitStack) -> Ask:
    api = await stack.enter_async_context(ApiClient("goat", _settings(config, access.base_url), goat_limiter()))
    goat = Goat(api, access.token)

    async def ask(query: str, size: int) -> MarketplaceTold:
        found = await goat.search(query, limit=max(size, LEAST_ASKED_FOR))
        products = exact_first(query, found.entries)[:size]
        return MarketplaceTold(products=[at_goat(each) for each in products], total=None)

    return ask


async def _klekt(access: KlektAccess, config: Config, stack: AsyncExitStack) -> Ask:
    api = await stack.enter_async_context(ApiClient("klekt", _settings(config, access.base_url)))
    klekt = Klekt(api)

    async def ask(query: str, size: int) -> MarketplaceTold:
        found = await klekt.search(query, page_size=max(size, LEAST_ASKED_FOR))
        products = exact_first(query, found.entries)[:size]
        return MarketplaceTold(products=[at_klekt(each) for each in products], total=found.total)

    return ask


async def _ebay(access: EbayAccess, config: Config, stack: AsyncExitStack) -> Ask:
    api = await stack.enter_async_context(ApiClient("ebay_browse", _settings(config, access.base_url)))
    application = EbayApplication(client_id=access.client_id, client_secret=access.client_secret)
    browse = Browse(EbayCaller(api, ApplicationTokens(api, application), access.marketplace_id))

    async def ask(query: str, size: int) -> MarketplaceTold:
        found = await browse.search(query, limit=size)
        return MarketplaceTold(products=[at_ebay(each) for each in found.entries], total=found.total)

    return ask
