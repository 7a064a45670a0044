"""The marketplaces beside StockX as they are configured: clients, opened."""

from collections.abc import Mapping
from contextlib import AsyncExitStack

from libs.access.goat import GoatAccess
from libs.http.client import ApiClient, ApiSettings
from libs.marketplaces.ebay.application_tokens import ApplicationTokens
from libs.marketplaces.ebay.browse import Browse
from libs.marketplaces.ebay.caller import EbayCaller
from libs.marketplaces.ebay.oauth import EbayApplication
from libs.marketplaces.goat.client import Goat
from libs.marketplaces.goat.client import limiter as goat_limiter
from libs.marketplaces.klekt.client import Klekt
from libs.products.hits import exact_first
from libs.products.lookup import Searches
from libs.products.unreadable import UnreadableAnswers, UnreadableOf
from services.product_search.config import Config, EbayAccess, KlektAccess
from services.product_search.everywhere import Ask
from services.product_search.messages import MarketplaceTold
from services.product_search.searching import LEAST_ASKED_FOR
from services.product_search.telling import at_ebay, at_goat, at_klekt, at_stockx


async def open_others(
    config: Config, searches: Searches | None, unreadable: UnreadableAnswers, stack: AsyncExitStack
) -> Mapping[str, Ask]:
    """How each configured marketplace is searched."""
    asks: dict[str, Ask] = {}
    if searches is not None:
        asks["stockx"] = _stockx(searches)
    if config.goat is not None:
        asks["goat"] = await _goat(config.goat, config, unreadable.of("goat"), stack)
    if config.klekt is not None:
        asks["klekt"] = await _klekt(config.klekt, config, unreadable.of("klekt"), stack)
    if config.ebay is not None:
        asks["ebay"] = await _ebay(config.ebay, config, unreadable.of("ebay"), stack)
    return asks


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


async def _goat(access: GoatAccess, config: Config, unreadable: UnreadableOf, stack: AsyncExitStack) -> Ask:
    api = await stack.enter_async_context(ApiClient("goat", _settings(config, access.base_url), goat_limiter()))
    goat = Goat(api, access.token)

    async def ask(query: str, size: int) -> MarketplaceTold:
        found = await unreadable.kept("search", goat.search(query, limit=max(size, LEAST_ASKED_FOR)))
        products = exact_first(query, found.entries)[:size]
        return MarketplaceTold(products=[at_goat(each) for each in products], total=None)

    return ask


async def _klekt(access: KlektAccess, config: Config, unreadable: UnreadableOf, stack: AsyncExitStack) -> Ask:
    api = await stack.enter_async_context(ApiClient("klekt", _settings(config, access.base_url)))
    klekt = Klekt(api)

    async def ask(query: str, size: int) -> MarketplaceTold:
        found = await unreadable.kept("search", klekt.search(query, page_size=max(size, LEAST_ASKED_FOR)))
        products = exact_first(query, found.entries)[:size]
        return MarketplaceTold(products=[at_klekt(each) for each in products], total=found.total)

    return ask


async def _ebay(access: EbayAccess, config: Config, unreadable: UnreadableOf, stack: AsyncExitStack) -> Ask:
    api = await stack.enter_async_context(ApiClient("ebay_browse", _settings(config, access.base_url)))
    application = EbayApplication(client_id=access.client_id, client_secret=access.client_secret)
    browse = Browse(EbayCaller(api, ApplicationTokens(api, application), access.marketplace_id))

    async def ask(query: str, size: int) -> MarketplaceTold:
        found = await unreadable.kept("search", browse.search(query, limit=size))
        return MarketplaceTold(products=[at_ebay(each) for each in found.entries], total=found.total)

    return ask
