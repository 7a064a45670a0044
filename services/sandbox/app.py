"""The sandbox put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
from aiohttp import web
from pydantic import SecretStr

from libs.service import Service
from services.sandbox.amazon.control import AmazonControl
from services.sandbox.amazon.marketplace import Amazon
from services.sandbox.amazon.tokens import Client as AmazonClient
from services.sandbox.clock import Clock
from services.sandbox.config import Config
from services.sandbox.control import ControlRoutes
from services.sandbox.delivery import DeliveryLog
from services.sandbox.ebay.control import EbayControl
from services.sandbox.ebay.marketplace import Destination, Ebay
from services.sandbox.ebay.marketplace import Size as EbaySize
from services.sandbox.ebay.oauth_routes import Client
from services.sandbox.ebay.switches import Switches as EbaySwitches
from services.sandbox.ecb.routes import FAULT_ANSWERS as ECB_FAULTS
from services.sandbox.ecb.routes import NAME as ECB
from services.sandbox.ecb.routes import EcbRoutes
from services.sandbox.faults import Faults
from services.sandbox.goat.pricing import GoatPricing
from services.sandbox.goat.routes import FAULT_ANSWERS as GOAT_FAULTS
from services.sandbox.goat.routes import NAME as GOAT
from services.sandbox.goat.routes import Goat
from services.sandbox.klekt.routes import FAULT_ANSWERS as KLEKT_FAULTS
from services.sandbox.klekt.routes import NAME as KLEKT
from services.sandbox.klekt.routes import Klekt
from services.sandbox.mercadolibre.control import MercadoLibreControl
from services.sandbox.mercadolibre.marketplace import MercadoLibre, Size
from services.sandbox.mercadolibre.switches import Switches
from services.sandbox.mercadolibre.tokens import Application
from services.sandbox.notifier import Notifier
from services.sandbox.notion.pages import SalesDatabase
from services.sandbox.notion.routes import FAULT_ANSWERS as NOTION_FAULTS
from services.sandbox.notion.routes import NAME as NOTION
from services.sandbox.notion.routes import Notion
from services.sandbox.seeded import secret
from services.sandbox.sent_routes import SentRoutes
from services.sandbox.square.marketplace import Square
from services.sandbox.square.notices import Subscription
from services.sandbox.stockx.control import StockXControl
from services.sandbox.stockx.marketplace import Size as StockXSize
from services.sandbox.stockx.marketplace import StockX
from services.sandbox.stockx.oauth_routes import Client as StockXClient
from services.sandbox.stockx.switches import Switches as StockXSwitches
from services.sandbox.traffic import Plan, Traffic
from services.sandbox.world import World
from services.sandbox.world_routes import WorldRoutes


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The stand-in marketplaces, each under `/<name>`, and the control API beside them."""
    clock = Clock(config.start, config.speed)
    faults = Faults(config.seed, clock)
    stockx = _stockx(config, clock)
    mercadolibre, square = _mercadolibre(config, clock), _square(config)
    ebay = _ebay(config, clock, stockx)
    goat, klekt = Goat(config.seed, stockx.catalogue), Klekt(config.seed, clock, stockx.catalogue)
    amazon = _amazon(config, clock)
    notion = _notion(config, clock, stockx)
    world = World(config.seed, (mercadolibre, ebay, square, stockx, amazon))
    async with _sender(config) as http:
        channels = {name: each.channel for name, each in world.marketplaces.items() if each.channel}
        channels |= {NOTION: notion.channel} if notion.channel else {}
        notifier = Notifier(config.seed, clock, http, channels, DeliveryLog(config.keep_sent), config.concurrency)
        traffic = Traffic(world, notifier)
        if config.rate:
            traffic.start(_plan(config, traffic))
        app = web.Application(client_max_size=1024 * 1024)
        shops = {GOAT: goat.accounts, KLEKT: dict, NOTION: notion.accounts, f"{NOTION}_webhooks": notion.subscriptions}
        ControlRoutes(world, clock, faults, notifier, traffic, ebay, http, shops).add_to(app)
        EbayControl(ebay, notifier).add_to(app)
        StockXControl(stockx).add_to(app)
        notion.add_control(app, notifier)
        AmazonControl(amazon).add_to(app)
        SentRoutes(notifier).add_to(app)
        mercadolibre.board.add_to(app)
        WorldRoutes(world, clock, notifier, traffic, MercadoLibreControl(mercadolibre)).add_to(app)
        for name, marketplace in world.marketplaces.items():
            api = marketplace.application()
            api.middlewares.insert(0, faults.middleware(name, marketplace.fault_answers))
            app.add_subapp(f"/{name}", api)
        for name, api, answers in (
            (ECB, EcbRoutes(clock).application(), ECB_FAULTS),
            (GOAT, GoatPricing(goat, stockx.catalogue, stockx.prices, clock).application(), GOAT_FAULTS),
            (KLEKT, klekt.application(), KLEKT_FAULTS),
            (NOTION, notion.application(), NOTION_FAULTS),
        ):
            api.middlewares.insert(0, faults.middleware(name, answers))
            app.add_subapp(f"/{name}", api)
        yield Service(
            name="sandbox",
            host=config.host,
            port=config.port,
            http=app,
            workers={"notifier": notifier.run, "traffic": traffic.run},
        )


def _plan(config: Config, traffic: Traffic) -> Plan:
    return Plan(
        config.rate,
        duplicates=config.duplicates,
        reordering=config.reordering,
        poison=config.poison,
        marketplaces=traffic.among(),
    )


def _sender(config: Config) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=config.concurrency)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def _mercadolibre(config: Config, clock: Clock) -> MercadoLibre:
    application = Application(
        id=config.mercadolibre_application_id,
        client_secret=_secret(config, config.mercadolibre_client_secret, "mercadolibre client secret"),
        redirect_uri=config.mercadolibre_redirect_uri,
        pkce_required=config.mercadolibre_pkce_required,
    )
    return MercadoLibre(
        config.seed,
        config.start,
        clock,
        application,
        target=config.mercadolibre_target,
        size=Size(config.mercadolibre_sellers, config.mercadolibre_items, config.mercadolibre_buyers),
        token_life=timedelta(seconds=config.mercadolibre_token_seconds),
        quirks=config.mercadolibre_quirks,
        ack_seconds=config.mercadolibre_ack_seconds,
        switches=Switches(
            search=config.mercadolibre_search,
            limited=config.mercadolibre_limited,
            search_per_hour=config.mercadolibre_search_per_hour,
            items_per_hour=config.mercadolibre_items_per_hour,
            users_per_hour=config.mercadolibre_users_per_hour,
        ),
    )


def _ebay(config: Config, clock: Clock, stockx: StockX) -> Ebay:
    token = _secret(config, config.ebay_verification_token, "ebay verification token")
    target = config.ebay_target
    return Ebay(
        config.seed,
        config.start,
        clock,
        Client(
            config.ebay_client_id,
            _secret(config, config.ebay_client_secret, "ebay client secret"),
            config.ebay_ru_name,
            config.ebay_redirect_url,
        ),
        destination=Destination(target, config.ebay_endpoint or target, token) if target else None,
        verification_token=token,
        ack_seconds=config.ebay_ack_seconds,
        size=EbaySize(config.ebay_sellers, config.ebay_items, config.ebay_orders),
        token_life=timedelta(seconds=config.ebay_token_seconds),
        switches=EbaySwitches(shape=config.ebay_shape, latency=config.ebay_latency),
        strangers=stockx.catalogue,
    )


def _square(config: Config) -> Square:
    target = config.square_target
    subscription = Subscription(
        signature_key=_secret(config, config.square_signature_key, "square signature key"),
        notification_url=config.square_notification_url or target or "",
    )
    return Square(config.seed, config.start, subscription, target=target, ack_seconds=config.square_ack_seconds)


def _stockx(config: Config, clock: Clock) -> StockX:
    client = StockXClient(
        id=config.stockx_client_id,
        secret=_secret(config, config.stockx_client_secret, "stockx client secret"),
        redirect_uri=config.stockx_redirect_uri,
        api_key=_secret(config, config.stockx_api_key, "stockx api key"),
    )
    return StockX(
        config.seed,
        config.start,
        clock,
        client,
        size=StockXSize(config.stockx_sellers, config.stockx_products, config.stockx_orders),
        token_life=timedelta(seconds=config.stockx_token_seconds),
        switches=StockXSwitches(
            limited=config.stockx_limited,
            failing=config.stockx_failing,
            system=config.stockx_system,
            longest_operation=config.stockx_longest_operation,
        ),
    )


def _amazon(config: Config, clock: Clock) -> Amazon:
    client_secret = _secret(config, config.amazon_client_secret, "amazon client secret")
    return Amazon(
        config.seed,
        clock,
        AmazonClient(config.amazon_client_id, client_secret),
        sellers=config.amazon_sellers,
        settle=timedelta(seconds=config.amazon_settle_seconds),
        token_life=timedelta(seconds=config.amazon_token_seconds),
    )


def _notion(config: Config, clock: Clock, stockx: StockX) -> Notion:
    sales = SalesDatabase(config.seed, config.start, clock, stockx.catalogue, config.notion_sales)
    return Notion(config.seed, sales, clock, config.notion_target)


def _secret(config: Config, told: SecretStr | None, name: str) -> str:
    """The configured secret, or one made from the seed, which GET /_accounts tells."""
    return secret(config.seed, name, 48) if told is None else told.get_secret_value()
