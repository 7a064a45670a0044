"""Construction: searches at StockX and elsewhere; products learn their StockX ids as facts in `products`."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from aiohttp import web

from libs.access.stockx import open_stockx
from libs.bus.dead_letter import DeadLetters
from libs.bus.publisher import Publisher
from libs.commands.run import Commands
from libs.db.pool import Database
from libs.http.openapi import Api
from libs.oauth.store import open_token_database
from libs.products.cache import ProductCache
from libs.products.lookup import ProductLookup
from libs.products.unreadable import STOCKX, KeptCatalog, UnreadableAnswers
from libs.quota.quota import Quotas
from libs.read_models import READ_MODELS
from libs.service import Service
from services.product_search.config import Config
from services.product_search.enriching import Enriching
from services.product_search.enrichment_routes import EnrichmentApi
from services.product_search.everywhere import Everywhere
from services.product_search.pending import Pending
from services.product_search.reserve import Reserve
from services.product_search.routes import BEARER, SearchApi
from services.product_search.searching import CountedCatalog, Search
from services.product_search.upstreams import open_others
from services.product_search.users import Users

NAME = "product_search"

_DESCRIPTION = "StockX's catalog by style code, all marketplaces at once, and the enrichment of our own products."
_SECURITY = {BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    async with AsyncExitStack() as stack:
        tokens = await stack.enter_async_context(open_token_database(config.database.url, f"tokens of {NAME}"))
        database = await stack.enter_async_context(Database(config.database.url, application=NAME, most=16))
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME, waits=False))
        commands = Commands(database, config.kafka, publisher, NAME, READ_MODELS)
        await stack.enter_async_context(commands)
        quotas = Quotas(database)
        key = config.jwt_key.get_secret_value() if config.jwt_key else None
        users = Users(key, quotas, config.quota_of)
        reserve = Reserve(quotas, config.limits)
        answers = UnreadableAnswers(database, DeadLetters(config.kafka, publisher, NAME), NAME)
        stockx = unreadable = search = lookup = enriching = counted = None
        if config.stockx is not None:
            stockx = await open_stockx(
                config.stockx, config.stockx_reach, database, tokens, config.secrets.vault, stack
            )
            unreadable = answers.of(STOCKX, config.stockx.account)
            counted = CountedCatalog(KeptCatalog(stockx.catalog, unreadable), reserve, config.search_reserve)
            cache = ProductCache(database, config.cache)
            search, lookup = Search(counted, cache), ProductLookup(counted, cache)
            enriching = Enriching(lookup, commands, reserve, config.reserve)
        everywhere = Everywhere(await open_others(config, counted, answers, stack), config.patience)
        searches = SearchApi(
            users,
            everywhere,
            stockx=stockx,
            unreadable=unreadable,
            search=search,
            lookup=lookup,
            reserve=reserve,
            leaves=config.search_reserve,
        )
        enrichment = EnrichmentApi(users, Pending(database, commands), enriching)
        http = web.Application()
        routes = (*searches.routes(), *enrichment.routes())
        Api(NAME, version("sellstream"), _DESCRIPTION, routes=routes, security_schemes=_SECURITY).add_to(http)
        yield Service(
            name=NAME,
            host=config.host,
            port=config.port,
            http=http,
            ready={"kafka": publisher.check, "postgres": database.check},
            workers={"unreadable answers": answers.work},
        )
