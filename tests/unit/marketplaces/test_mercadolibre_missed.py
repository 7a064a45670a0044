"""A missed notification is the delivery that the webhook would have received: the same account, name and identity."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.http.answer import Answer
from libs.http.errors import Garbage
from libs.marketplaces.contract import Delivery
from libs.marketplaces.identity import delivery_event_id
from libs.marketplaces.mercadolibre.missed import PAGE, Missed, MissedFeeds
from libs.marketplaces.mercadolibre.webhook import MercadoLibreAccount, MercadoLibreWebhook
from services.sandbox.clock import Clock
from services.sandbox.delivery import Delivery as Sent
from services.sandbox.delivery import Outcome
from services.sandbox.mercadolibre.missed import MissedFeeds as SandboxFeeds
from services.sandbox.mercadolibre.notices import Notices
from services.sandbox.notice import Attempt
from services.webhook_gateway.records import webhook_id

START = datetime(2026, 6, 5, 12, tzinfo=UTC)
APPLICATION, USER = 6456467593800000, 34308
WEBHOOK = MercadoLibreWebhook(
    [MercadoLibreAccount(account="acme", user_ids=frozenset({USER}), application_id=APPLICATION)]
)


def as_received(body: bytes) -> Delivery:
    return Delivery(body=body, headers={}, query={}, account=None, secret=None, received=START.timestamp())


def test_whatever_oddity_a_notification_has_its_identity_is_that_of_the_webhook() -> None:
    feeds = SandboxFeeds(Clock(START), "https://example.test/hook")
    notices = Notices(1, APPLICATION, quirks=0.9)
    lost = Outcome(START, START, "0" * 64, 500, 0.1, False, "http_error", "no")
    made = [
        notices.made(topic, resource, USER, START)
        for _ in range(40)
        for topic, resource in (("orders_v2", "/orders/1"), ("messages", "a1"), ("items", "/items/MLM1"))
    ]
    for notice in made:
        feeds.add(Sent(1, "mercadolibre", notice, attempts=[lost] * 8))
    for notice, message in zip(made, feeds.found(None), strict=True):
        first = WEBHOOK.verify(as_received(notice.request(Attempt()).body))
        missed = WEBHOOK.verify(Missed.read(message).delivery(START))
        assert missed == first
        _, gateways = webhook_id("mercadolibre", first)
        assert delivery_event_id("mercadolibre", missed.account, missed.delivery_id) == gateways


def test_without_the_body_that_was_sent_the_feeds_own_fields_stand_for_it() -> None:
    entry = {"_id": "5da8a1b2", "topic": "items", "resource": "/items/MLA1", "user_id": USER, "sent": "s"}
    missed = Missed.read({**entry, "application_id": APPLICATION, "request": {"data": "[object Object]"}})
    delivery = missed.delivery(START)
    assert json.loads(delivery.body).keys() == {*entry, "application_id"}
    assert WEBHOOK.verify(delivery).delivery_id == "5da8a1b2"


@pytest.mark.parametrize("received", [None, "yesterday", 5, "2019-10-17T17:15:30.259"])
def test_a_time_that_cannot_be_read_loses_nothing(received: object) -> None:
    assert Missed.read({"received": received, "request": None}).delivery(START).received_at == START


class Account:
    """Answers `ask` from a list of entries, page by page."""

    def __init__(self, entries: list[Any], site: str = "MLM") -> None:
        self.entries, self.site = entries, site
        self.asked: list[dict[str, str]] = []

    async def ask(self, path: str, *, query: dict[str, str] | None = None) -> Answer:
        if path == "/users/me":
            return Answer(200, {}, {"site_id": self.site})
        assert query is not None
        self.asked.append(query)
        offset = int(query["offset"])
        most = 10  # less than asked for: the largest page is not documented
        return Answer(200, {}, {"messages": self.entries[offset : offset + min(most, int(query["limit"]))]})


async def test_all_pages_are_read_then_the_items_of_each_site() -> None:
    first, second = Account([{"topic": "orders_v2", "n": n} for n in range(25)]), Account([], site="MLB")
    found = [one async for one in MissedFeeds(APPLICATION, [first, second]).all()]  # type: ignore[list-item]  # a double
    assert len(found) == 75
    assert all(one.missed for one in found)
    assert [query["offset"] for query in first.asked] == ["0", "10", "20", "25"] * 3
    assert [query.get("site_id") for query in first.asked] == [None] * 4 + ["MLB"] * 4 + ["MLM"] * 4
    assert {query["limit"] for query in first.asked} == {str(PAGE)}


async def test_an_entry_that_is_none_is_told_and_the_rest_is_read() -> None:
    account = Account([{"topic": "items"}, "nonsense", {"topic": {"no": "text"}}, {"topic": "items"}])
    found = [one async for one in MissedFeeds(APPLICATION, [account])._feed({})]  # type: ignore[list-item]  # a double
    assert [one.problem is None for one in found] == [True, False, False, True]


async def test_an_answer_of_another_shape_is_garbage() -> None:
    class Broken(Account):
        async def ask(self, path: str, *, query: dict[str, str] | None = None) -> Answer:
            return Answer(200, {}, {"messages": "none"})

    with pytest.raises(Garbage):
        [one async for one in MissedFeeds(APPLICATION, [Broken([])]).all()]  # type: ignore[list-item]  # a double
