"""The worlds: the same for the same seed, and free of contradictions."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.sandbox.clock import Clock
from services.sandbox.ebay.marketplace import Ebay
from services.sandbox.ebay.oauth_routes import Client
from services.sandbox.mercadolibre.life import Life
from services.sandbox.mercadolibre.marketplace import MercadoLibre, Size
from services.sandbox.mercadolibre.resources.order import order_body
from services.sandbox.mercadolibre.resources.shipment import shipment_body
from services.sandbox.mercadolibre.sales import ORDER_STATUSES
from services.sandbox.mercadolibre.shipping import SHIPMENT_STATUSES
from services.sandbox.mercadolibre.tokens import Application
from services.sandbox.notice import Attempt
from services.sandbox.square.marketplace import Square
from services.sandbox.square.notices import Subscription
from services.sandbox.wire import compact
from services.sandbox.world import World

START = datetime(2026, 6, 5, 12, tzinfo=UTC)


def mercadolibre(seed: int, quirks: float = 0.2) -> MercadoLibre:
    return MercadoLibre(
        seed,
        START,
        Clock(START),
        Application(6456467593800000, "secret", "https://example.test/"),
        target=None,
        size=Size(),
        token_life=timedelta(hours=6),
        quirks=quirks,
        ack_seconds=0.5,
    )


def world(seed: int) -> World:
    ebay = Ebay(
        seed, START, Clock(START), Client("id", "secret"), destination=None, verification_token="t" * 40, ack_seconds=1
    )
    square = Square(seed, START, Subscription("key", "https://example.test/hook"), target=None, ack_seconds=1)
    return World(seed, (mercadolibre(seed), ebay, square))


def told(seed: int, steps: int) -> list[tuple[str, bytes, tuple[tuple[str, str], ...]]]:
    """Everything on the wire: first and third attempt of each notice, with headers."""
    made = world(seed)
    wire = []
    for _ in range(steps):
        name, notices = made.step(tuple(made.marketplaces))
        for notice in notices:
            for attempt in (Attempt(), Attempt(3, timedelta(minutes=3), "http_error")):
                request = notice.request(attempt)
                wire.append((name, request.body, tuple(request.headers.items())))
    return wire


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    once = told(7, 150)
    assert once == told(7, 150)
    assert once != told(8, 150)
    assert {name for name, _, _ in once} == {"mercadolibre", "ebay", "square"}


def test_the_same_seed_gives_the_same_truth() -> None:
    def truth() -> bytes:
        made = mercadolibre(3)
        for _ in range(300):
            made.step()
        return compact({name: list(bodies()) for name, bodies in made.truth().items()})

    assert truth() == truth()


def test_everything_that_can_happen_happens() -> None:
    made = mercadolibre(1)
    topics: Counter[str] = Counter()
    orders, shipments, questions = set(), set(), set()
    for _ in range(4000):
        topics.update(notice.topic for notice in made.step())
        orders |= {order.status for order in made.life.sales.orders.values()}
        shipments |= {shipment.status for shipment in made.life.shipping.shipments.values()}
        questions |= {question.status for question in made.life.offers.questions.values()}
    assert topics.keys() == {
        "orders_v2",
        "payments",
        "shipments",
        "questions",
        "items",
        "items_prices",
        "messages",
        "post_purchase",
        "orders feedback",
        "invoices",
    }
    after_sale = made.life.after_sale
    assert {claim.status for claim in after_sale.claims.values()} == {"opened", "closed"}
    assert {invoice.status for invoice in after_sale.invoices.values()} == {"processing", "authorized"}
    assert {message.by_buyer for message in after_sale.messages.values()} == {True, False}
    assert any(message.read for message in after_sale.messages.values())
    assert orders == {*ORDER_STATUSES} - {"invalid"}
    assert shipments == {*SHIPMENT_STATUSES}
    assert {"UNANSWERED", "ANSWERED", "UNDER_REVIEW", "CLOSED_UNANSWERED", "DELETED", "BANNED"} <= questions


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_each_change_is_later_than_the_one_before_and_what_it_tells_is_there(seed: int) -> None:
    life = Life(seed, START, sellers=2, items_per_seller=5, buyers=5)
    updated: dict[int, list[str]] = {}
    for _ in range(300):
        before = life.now
        for change in life.step():
            assert change.at == life.now > before
            if change.kind == "order":
                order = life.sales.orders[int(change.id)]
                updated.setdefault(order.id, []).append(order_body(order)["last_updated"])
    for times in updated.values():
        assert all(earlier <= later for earlier, later in pairwise(times))
    for order in life.sales.orders.values():
        assert 10**15 <= order.id < 10**16
        if order.status == "paid":
            assert order.paid == order.total
            assert (order.shipment is not None) == order.ships
        if order.status == "cancelled":
            assert not any(payment.status in {"approved", "in_process"} for payment in order.payments)
        assert sum(line["gross_price"] for line in order_body(order)["order_items"]) > 0
    assert all(item.quantity >= 0 for item in life.population.items.values())


def shown(made: MercadoLibre) -> dict[tuple[str, str], dict[str, Any]]:
    """Every resource as it is now, by collection and id."""
    return {
        (name, str(body["id"])): dict(body)
        for name, bodies in made.truth().items()
        for body in bodies()
        if "id" in body
    }


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_nothing_changes_without_a_notice_and_a_later_time(seed: int) -> None:
    """Else a reader that follows the notices would never come to the truth."""
    made = mercadolibre(seed, quirks=0)
    before = shown(made)
    for _ in range(150):
        told_of = {notice.resource.split("/")[-1] for notice in made.step()}
        after = shown(made)
        for key, body in after.items():
            if body != before.get(key):
                assert key[1] in told_of
                assert key not in before or later(before[key]) < later(body)
        before = after


def later(body: dict[str, Any]) -> datetime:
    """When a resource changed last."""
    if dates := body.get("message_date"):
        return datetime.fromisoformat(dates["read"] or dates["created"])
    return datetime.fromisoformat((body.get("last_updated") or body["last_modified"])[:23] + "Z")


def test_a_sale_is_told_five_times_in_one_moment() -> None:
    made = mercadolibre(1, quirks=0)
    for _ in range(500):
        notices = made.step()
        bodies = [json.loads(notice.request(Attempt()).body) for notice in notices]
        if [body["topic"] for body in bodies].count("orders_v2") == 3 and len(bodies) == 5:
            assert {body["topic"] for body in bodies} == {"orders_v2", "payments", "shipments"}
            assert len({body["_id"] for body in bodies}) == 5
            assert len({(body["resource"], body["sent"]) for body in bodies}) == 5
            return
    raise AssertionError("no sale in 500 changes")


def test_an_address_is_hidden_until_the_payment_is_approved() -> None:
    life = Life(1, START, sellers=1, items_per_seller=3, buyers=3)
    for _ in range(400):
        life.step()
    for shipment in life.shipping.shipments.values():
        body = shipment_body(shipment)
        assert body["destination"]["shipping_address"] is not None
        assert body["destination"]["receiver_phone"] is None
        assert "order_id" not in body
        shipment.order.payments.clear()
        assert shipment_body(shipment)["destination"]["shipping_address"] is None
        assert shipment_body(shipment)["destination"]["receiver_name"] is None
