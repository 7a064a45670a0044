"""StockX, GOAT and Notion as they are configured: clients, opened, with their secrets."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from libs.access import stockx
from libs.access.goat import GoatAccess
from libs.access.stockx import StockXAccount
from libs.db.pool import Database
from libs.http.client import ApiClient
from libs.marketplaces.goat.client import Goat
from libs.marketplaces.goat.client import api_settings as goat_settings
from libs.marketplaces.goat.client import limiter as goat_limiter
from libs.marketplaces.goat.pricing import GoatPricing
from libs.marketplaces.stockx.client import StockX
from libs.notion.client import Notion
from libs.notion.client import api_settings as notion_settings
from libs.notion.client import limiter as notion_limiter
from libs.products.cache import ProductCache
from libs.products.lookup import ProductLookup
from libs.products.unreadable import STOCKX, KeptCatalog, UnreadableAnswers, UnreadableOf
from services.market_data.config import Config, NotionAccess
from services.market_data.products import Products


@dataclass(frozen=True, slots=True)
class AtStockX:
    """The client, and products looked up with it; `unreadable` keeps what cannot be read."""

    client: StockX
    products: Products
    unreadable: UnreadableOf


async def open_stockx(
    account: StockXAccount,
    config: Config,
    database: Database,
    tokens: Database,
    answers: UnreadableAnswers,
    stack: AsyncExitStack,
) -> AtStockX:
    """Limits, tokens and the cache are those of all services. Raises SecretsError if a secret is nowhere."""
    client = await stockx.open_stockx(account, config.stockx_reach, database, tokens, config.secrets.vault, stack)
    unreadable = answers.of(STOCKX, account.account)
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
