"""Many orders, or listings, that have ended at once: each is asked for, and commands need not wait until all were."""

from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from libs.bus.dead_letter import DeadLetters
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.http.answer import exact_json
from libs.marketplaces.stockx.order import Order
from services.sandbox.wire import compact
from services.stockx_poller import commands, listings, orders
from services.stockx_poller.app import NAME
from services.stockx_poller.commands import NewCommand
from services.stockx_poller.config import Timing
from services.stockx_poller.lease import claim
from services.stockx_poller.messages import NewListingBody, created
from services.stockx_poller.situation import Kind, Refresh
from services.stockx_poller.work import Work
from tests.projecting import scalar
from tests.unit.marketplaces.stockx_answers import ORDER
from tests.unit.marketplaces.test_stockx_client import Script, stockx_at

MANY = 25


class Paid(Script):
    """No order is active any more; each that is asked for has been paid out, or cannot be read."""

    def __init__(self, unreadable: bool) -> None:
        super().__init__()
        self.numbers: list[str] = []
        self.unreadable = unreadable

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.path.rpartition("/")[2]
        if name == "active":
            return web.json_response({"count": 0, "hasNextPage": False, "orders": []})
        self.numbers.append(name)
        if self.unreadable:
            return web.json_response({"orderNumber": name})
        return web.json_response({**ORDER, "orderNumber": name, "status": "COMPLETED"})


async def rounds(database: Database, kafka: KafkaSettings, publisher: Publisher, shop: Paid) -> list[tuple[int, bool]]:
    """Four rounds: how many orders were asked for in each, and whether the next one is due at once."""
    numbers = [f"{number}-1" for number in range(MANY)]
    lease = await claim(database, "acme", "a test", timedelta(minutes=1))
    assert lease is not None
    async with lease.turn() as connection:
        known: list[Any] = [Order.read(exact_json(compact({**ORDER, "orderNumber": number}))) for number in numbers]
        await orders.put(connection, "acme", known, active=True)
    told = []
    async with stockx_at(shop) as stockx:
        work = Work(lease, stockx, publisher, DeadLetters(kafka, publisher, NAME), Timing(), 1.0)
        for _ in range(4):
            before = len(shop.numbers)
            await orders.poll_active(work)
            due = await scalar(database, "SELECT orders_at <= now() FROM stockx_poller.accounts")
            told.append((len(shop.numbers) - before, bool(due)))
    assert set(shop.numbers) == set(numbers)
    return told


async def test_ended_orders_are_asked_for_ten_in_a_row(
    database: Database, kafka: KafkaSettings, publisher: Publisher
) -> None:
    told = await rounds(database, kafka, publisher, Paid(unreadable=False))
    assert told == [(10, True), (10, True), (5, False), (0, False)]
    assert await scalar(database, "SELECT count(*) FROM stockx_poller.orders WHERE active") == 0


async def test_those_that_tell_nothing_hurry_nobody(
    database: Database, kafka: KafkaSettings, publisher: Publisher
) -> None:
    told = await rounds(database, kafka, publisher, Paid(unreadable=True))
    assert told == [(10, True), (10, True), (10, False), (10, False)]


class Gone(Script):
    """No listing is there any more."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if request.path.endswith("/listings"):
            return web.json_response({"count": 0, "hasNextPage": False, "listings": []})
        return web.json_response({"statusCode": 404, "message": "Resource not found"}, status=404)


@pytest.mark.parametrize("waits", [False, True])
async def test_a_command_that_waits_comes_before_hundreds_of_listings(
    database: Database, kafka: KafkaSettings, publisher: Publisher, waits: bool
) -> None:
    names = tuple(f"listing-{number:02}" for number in range(MANY))
    lease = await claim(database, "acme", "a test", timedelta(minutes=1))
    assert lease is not None
    async with lease.turn() as connection:
        await listings.must_be_read(connection, "acme", [listings.Stale(name, "a-variant", None) for name in names])
    if waits:
        wants = created(NewListingBody.model_validate({"variant_id": "v", "amount": "150"}))
        await commands.keep(database, NewCommand("acme", "7", Kind.CREATE, wants, variant_id="v"), None)
    shop = Gone()
    async with stockx_at(shop) as stockx:
        work = Work(lease, stockx, publisher, DeadLetters(kafka, publisher, NAME), Timing(), 1.0)
        await listings.refresh(work, Refresh(names))
    alone = [each for each in shop.asked if "listing-" in each.path]
    assert len(alone) == (10 if waits else MANY)
    left = await scalar(database, "SELECT count(*) FROM stockx_poller.listings WHERE stale")
    assert left == MANY - len(alone), "the rest is read later"
