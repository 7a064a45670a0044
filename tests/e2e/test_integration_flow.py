"""The document's integration flow from end to end, by the services themselves, on real Kafka and PostgreSQL.

product + buy offer + listing → match → cost rule → opportunity → draft → publish → order → procurement → shipment →
ticket. What a person does, is done over HTTP at the catalog; what a marketplace does, at the sandbox. Everything in
between happens by itself: the matcher links offer and listing with the product, pricing computes the opportunity, the
publisher lists the approved drafts at MercadoLibre and eBay, the gateway takes the webhook of the sale, the enricher
asks for it, the order desk makes order, purchase, parcel and ticket, and the interlock takes the sold unit off eBay.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.channels.settings import SellingSettings
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.db.settings import DatabaseSettings
from libs.read_models.entities import read_model
from libs.secrets.keys import new_key
from libs.secrets.settings import SecretsSettings
from libs.selling.channel import our_sku
from libs.stack.ports import free_ports
from schemas.entities import ENTITIES
from schemas.exchange_rates.exchange_rates_published import ExchangeRatesPublishedV1
from services.interlock.app import build as build_interlock
from services.interlock.config import Config as InterlockConfig
from services.ops.sandbox_wiring import services_environment
from tests.integration.running_catalog import Catalog, catalog
from tests.integration.running_matcher import matcher
from tests.integration.running_order_desk import order_desk
from tests.integration.running_pricing import pricing
from tests.integration.running_publisher import publisher_service, selling
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.integration.selling_channels import on_sale
from tests.projecting import projecting, until
from tests.serving import working

KEY = new_key()
PROCESSES = ("webhook_gateway", "mercadolibre_enricher")


@dataclass
class Flow:
    """The running services, as a person and a marketplace see them."""

    api: Catalog
    made: Sandbox

    async def row(self, collection: str, is_so: Callable[[dict[str, Any]], bool], **filters: Any) -> dict[str, Any]:
        """The row that is so, waited for."""
        found: list[dict[str, Any]] = []

        async def there() -> bool:
            nonlocal found
            found = [one for one in (await self.api.get(f"/{collection}", **filters)).json[collection] if is_so(one)]
            return bool(found)

        await until(there, f"a row of {collection} {filters}", seconds=60)
        return found[0]

    async def listed(self, draft: int, product: int, channel: str) -> dict[str, Any]:
        """The listing that an approved draft has become."""
        approved = {"action": 2, "listingDraftId": draft, "status": "approved", "approvedBy": "ana"}
        assert (await self.api.post("listingDrafts", approved)).values == [str(draft)]
        await self.row("publishJobs", lambda one: one["status"] == "completed", draftId=draft)
        await self.row("listingDrafts", lambda one: one["status"] == "published", listingDraftId=draft)
        return await self.row("sellListings", lambda one: True, channel=channel, unifiedProductId=product)


@asynccontextmanager
async def process(name: str, port: int, environ: Mapping[str, str], folder: Path) -> AsyncIterator[None]:
    """A service as a process, ready."""
    own = {f"{name.upper()}_PORT": str(port), f"{name.upper()}_SPOOL_DIR": str(folder / name)}
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"services.{name}"),
        env={**os.environ, **environ, **own},
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    try:
        async with aiohttp.ClientSession() as session:

            async def ready() -> bool:
                assert running.returncode is None, f"{name} ended with {running.returncode}"
                try:
                    async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                        return answer.status == 200
                except aiohttp.ClientError:
                    return False

            await until(ready, f"{name} is ready", seconds=60)
        yield
    finally:
        if running.returncode is None:
            running.terminate()
        await running.wait()


@asynccontextmanager
async def interlocking(url: str, kafka: KafkaSettings, made: Sandbox) -> AsyncIterator[None]:
    """The interlock as its app builds it, at work."""
    config = InterlockConfig(
        kafka=kafka,
        database=DatabaseSettings(url=url),
        secrets=SecretsSettings(keys=SecretStr(KEY)),
        selling=SellingSettings(**await selling(made)),
        port=0,
    )
    async with build_interlock(config) as service, working(service):
        yield


@pytest.fixture
async def flow(database_url: str, kafka: KafkaSettings, publisher: Publisher, tmp_path: Path) -> AsyncIterator[Flow]:
    ports = dict(zip(PROCESSES, free_ports(len(PROCESSES)), strict=True))
    gateway = f"http://127.0.0.1:{ports['webhook_gateway']}"
    rates = {"USD": Decimal("1.25"), "MXN": Decimal(20)}
    today = datetime.now(UTC)
    published = ExchangeRatesPublishedV1(source="ecb", day=today.date(), base="EUR", rates=rates, fetched_at=today)
    await publisher.publish(Outgoing(published), within=30)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(database_url, application="tests", most=20))
        await migrate(database)
        made = await stack.enter_async_context(
            sandbox(mercadolibre_target=f"{gateway}/mercadolibre/webhook", ebay_orders=0, amazon_settle_seconds=0)
        )
        environ = services_environment(await made.control("GET", "/_accounts"), gateway, made.base) | {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
            "DATABASE_URL": database_url,
            "SELLSTREAM_SECRETS_KEYS": KEY,
            "MERCADOLIBRE_ENRICHER_SETTLE_SECONDS": "1",
        }
        api = await stack.enter_async_context(catalog(database_url, kafka, secrets=KEY))
        await asyncio.gather(
            *(
                stack.enter_async_context(each)
                for each in (
                    *(process(name, ports[name], environ, tmp_path) for name in PROCESSES),
                    *(projecting(read_model(one), kafka, publisher, database) for one in ENTITIES),
                    pricing(database_url, kafka),
                    publisher_service(database_url, kafka, KEY, made),
                    order_desk(database_url, kafka, KEY),
                    matcher(database_url, kafka, titles="off"),
                    interlocking(database_url, kafka, made),
                )
            )
        )
        yield Flow(api, made)


@pytest.mark.timeout(300)
async def test_from_a_product_to_a_ticket(flow: Flow) -> None:
    api = flow.api
    barcode = "4006381333931"
    product = await api.create("unifiedProducts", ean_upc=barcode)
    page = f"https://shop.example/apple-iphone-15-128gb?upc={barcode}"
    offer = await api.create("buyOffers", productUrl=page, buyCostUsd="300.00", leadTimeDays=3)
    fields = {"unifiedProductId": product, "channel": "square", "channelItemId": barcode, "sellPriceUsd": "800.00"}
    listing = await api.create("sellListings", **fields)
    for kind, number in (("buy", offer), ("sell", listing)):
        match = await flow.row("productMatches", lambda _: True, entityType=kind, entityId=number)
        assert (match["unifiedProductId"], match["matchMethod"], match["confidence"]) == (product, "barcode", "0.99")
    for channel, market in (("square", "US"), ("mercadolibre", "MX")):
        await api.create("costRules", channel=channel, market=market, category="*", effectiveFrom="2020-01-01")

    chance = await flow.row("opportunities", lambda one: one["unifiedProductId"] == product, channel="square")
    assert (chance["buyCostUsd"], Decimal(chance["sellPriceUsd"])) == ("300.00", Decimal(800))
    # 15 % and 5 % of 800.00, 0.30, 2 % of 8.00, 0.50 and 0.25
    assert Decimal(chance["estimatedProfitUsd"]) == Decimal("338.79")

    price = Decimal(chance["sellPriceUsd"])
    payload = {"title": "Apple iPhone 15 128GB", "condition": "new", "quantity": 1, "brand": "Apple", "model": "A2890"}
    drafts = {
        channel: await api.create(
            "listingDrafts",
            unifiedProductId=product,
            channel=channel,
            market=market,
            payloadJson=payload | {"images": ["https://images.invalid/1.jpg"]},
            suggestedPriceUsd=str(price),
            minPriceUsd=str(price - 50),
            maxPriceUsd=str(price + 50),
        )
        for channel, market in (("mercadolibre", "MX"), ("ebay", "US"))
    }
    at_ebay = await flow.listed(drafts["ebay"], product, "ebay")
    at_mercadolibre = await flow.listed(drafts["mercadolibre"], product, "mercadolibre")
    assert (at_mercadolibre["currencyOriginal"], Decimal(at_mercadolibre["sellPriceOriginal"])) == (
        "MXN",
        Decimal(12800),
    )
    assert await on_sale(flow.made, "ebay", our_sku(drafts["ebay"])) == [at_ebay["channelItemId"]]

    began = perf_counter()
    wanted = {"item_id": at_mercadolibre["channelItemId"], "status": "paid"}
    order = (await flow.made.control("POST", "/_world/orders", wanted))["order"]
    row = await flow.row("marketplaceOrders", lambda one: one["status"] != "ORDER_NEW")
    assert (row["channel"], row["market"], row["channelOrderId"]) == ("mercadolibre", "MX", str(order["id"]))
    assert (row["unifiedProductId"], row["quantity"], Decimal(row["soldPriceUsd"])) == (product, 1, price)
    assert row["buyerAddressJson"]["name"]
    number = row["marketplaceOrderId"]

    async def off() -> bool:
        return not await on_sale(flow.made, "ebay", our_sku(drafts["ebay"]))

    await until(off, "the sold unit is off eBay")
    print(f"from the order at MercadoLibre to the listing's end at eBay: {perf_counter() - began:.2f} s")

    job = await flow.row("procurementJobs", lambda one: one["marketplaceOrderId"] == number)
    assert (job["supplierCandidate"], job["decision"]) == ("Walmart", "pending")
    assert job["reason"].startswith("Walmart sells it for 300.00 USD a unit within 3 days: the only offer within")
    decided = [{"action": 2, "id": job["procurementJobId"], "decision": state} for state in ("approved", "ordered")]
    for one in decided:
        assert (await api.post("procurementJobs", one)).values == [str(job["procurementJobId"])]

    (told,) = [one for one in (await flow.made.control("GET", "/_world/orders"))["orders"] if one["id"] == order["id"]]
    parcel = told["shipping"]
    for state, ours in (("shipped", "ORDER_SHIPPED"), ("delivered", "ORDER_DELIVERED")):
        await flow.made.control("PATCH", f"/_world/shipments/{parcel['id']}", {"status": state})
        await flow.row("marketplaceOrders", lambda _: True, marketplaceOrderId=number, status=ours)
    sent = await flow.row("shipments", lambda one: one["status"] == "DELIVERED", marketplaceOrderId=number)
    assert (sent["labelRef"], bool(sent["trackingNumber"])) == (f"mercadolibre:{parcel['id']}", True)
    reached = (await api.get(f"/marketplaceOrders/{number}")).json["buyerAddressJson"]
    assert {"name", "address1", "city", "postalCode", "country"} <= reached.keys()

    await flow.made.control("POST", "/_world/after_sale", {"kind": "message", "order_id": order["id"]})
    ticket = await flow.row("messageTickets", lambda one: one["marketplaceOrderId"] == number)
    assert (ticket["channel"], ticket["market"], ticket["status"]) == ("mercadolibre", "MX", "pending")
    assert ticket["customerMessage"]
    assert ticket["suggestedReply"]
    assert {len((await api.get(f"/{one}")).json[one]) for one in ("marketplaceOrders", "procurementJobs")} == {1}
