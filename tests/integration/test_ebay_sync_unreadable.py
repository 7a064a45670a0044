"""Polled orders that cannot be read are dead letters with all that eBay told, once each; a retry asks for the order."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.bus.dead_letter import DeadLetter, DeadLetters
from libs.bus.message import Received
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_tail
from libs.db.pool import Database
from libs.http.client import ApiClient, ApiSettings
from libs.marketplaces.ebay.client import Ebay
from libs.polling.turns import Turns
from libs.privacy.erasure import erase
from libs.privacy.sweep import erased_lately, sweep
from schemas.envelope import Envelope
from schemas.registry import read_fact
from services.ebay_sync.config import Account, Polling
from services.ebay_sync.handlers import Deps, on_webhooks
from services.ebay_sync.order_book import OrderBook
from services.ebay_sync.order_poll import TURNS, OrderPoll
from services.ebay_sync.sellers import Seller, Sellers
from services.ebay_sync.unreadable_orders import UnreadableOrders
from tests.ebay_account import AnyToken


def told(order_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "orderId": order_id,
        "creationDate": "2026-06-05T12:00:00.000Z",
        "lastModifiedDate": "2026-06-05T12:30:00.000Z",
        "orderFulfillmentStatus": "NOT_STARTED",
        "orderPaymentStatus": "PAID",
        "buyer": {"username": "nella_q"},
        "pricingSummary": {"total": {"value": "12.50", "currency": "USD"}},
        "lineItems": [],
    } | changes


SOUND = told("01-00001-00001")
NO_DATE = told("02-00002-00002", creationDate="some day", shipTo={"fullName": "Petronella Quist"})
NO_TOTAL = told("03-00003-00003", pricingSummary={}, buyer={"username": "somebody_else"})


@asynccontextmanager
async def selling(orders: list[dict[str, Any]]) -> AsyncIterator[Seller]:
    """An account at an eBay that has these orders."""

    async def page(_request: web.Request) -> web.Response:
        return web.json_response({"orders": orders, "total": len(orders), "limit": 200, "offset": 0})

    async def one(request: web.Request) -> web.Response:
        return web.json_response(next(each for each in orders if each["orderId"] == request.match_info["id"]))

    app = web.Application()
    app.router.add_get("/sell/fulfillment/v1/order", page)
    app.router.add_get("/sell/fulfillment/v1/order/{id}", one)
    async with TestServer(app) as server, ApiClient("ebay", ApiSettings(base_url=str(server.make_url("")))) as client:
        account = Account(
            account="shop", user_id="7", client_id="c", client_secret="s", refresh_token="r", destination="main"
        )
        yield Seller.of(account, Ebay(client, AnyToken()))


async def letters(kafka: KafkaSettings) -> list[DeadLetter]:
    since = datetime.now(UTC) - timedelta(days=1)
    found = [one async for one in read_tail(kafka, "ebay-sync-dlt", since=since, most_per_partition=100)]
    return [DeadLetter.of(one, "ebay_sync") for one in found]


def content(letter: DeadLetter) -> Any:
    return json.loads(letter.record.value or b"")["notification"]["data"]


async def test_what_the_poll_cannot_read_is_a_dead_letter_with_all_of_it(
    kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    orders = [SOUND, NO_DATE, NO_TOTAL]
    async with selling(orders) as seller:
        unreadable = UnreadableOrders(database, DeadLetters(kafka, publisher, "ebay_sync"), kafka)
        book = OrderBook(database, publisher)
        turns = Turns(database, TURNS, "tests")
        poll = OrderPoll(turns, book, unreadable, Polling())
        turn = await turns.take(("shop",))
        assert turn is not None
        assert (await poll.poll(seller, turn))[1] == 1, "the rest of the page is published"
        assert (await poll.poll(seller, turn))[1] == 0
        found = await letters(kafka)
        assert [content(one) for one in found] == [NO_DATE, NO_TOTAL], "once each, however often a poll sees them"
        assert [(one.topic, one.error_class, one.exception.rpartition(".")[2]) for one in found] == [
            ("webhooks", "poison", "Malformed")
        ] * 2
        assert "creation_date" in found[0].message or "creationDate" in found[0].message
        assert "pricingSummary.total" in found[1].message

        # It was mended at eBay's; a retry puts the letter into `webhooks`, for ebay_sync, which asks for the order.
        orders[2] = told("03-00003-00003")
        deps = Deps(Sellers([seller]), database, publisher, book)
        letter = found[1]
        headers = letter.headers_for_retry()
        envelope = Envelope.of(headers)
        await on_webhooks([Received(letter.record, envelope, read_fact(envelope, letter.record.value))], deps)
        since = datetime.now(UTC) - timedelta(days=1)
        published = [one.key async for one in read_tail(kafka, "orders", since=since, most_per_partition=100)]
        assert sorted(published) == [b"ebay:01-00001-00001", b"ebay:03-00003-00003"]

        # Its buyer is erased: what could not be read is gone, too, and the other one's stays.
        await erase(database, "ebay:nella_q", by="tests", reason="asked")
        names = await erased_lately(database)
        (swept,) = await sweep(names, kafka, publisher, database, until=datetime.now(UTC))
        assert (swept.topic, swept.deleted, swept.kept) == ("ebay-sync-dlt", 1, 0)
        assert [content(one)["orderId"] for one in await letters(kafka)] == ["03-00003-00003"]
