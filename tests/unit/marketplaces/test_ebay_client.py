"""The client against a server that answers as eBay has been seen to answer."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from libs.http.client import ApiClient, ApiSettings
from libs.http.errors import Blocked, Garbage, NotFound, RateLimited, Refused, Unauthorized, Unavailable
from libs.marketplaces.ebay.client import Ebay
from libs.marketplaces.ebay.feed import TaskFailed
from libs.marketplaces.ebay.paging import Cursor


class Tokens:
    """Gives token-0, and the next one at each refresh."""

    def __init__(self) -> None:
        self.number = 0

    async def token(self) -> str:
        return f"token-{self.number}"

    async def refresh(self, rejected: str) -> str:
        assert rejected == f"token-{self.number}"
        self.number += 1
        return f"token-{self.number}"


class Script:
    """Answers in turn with (status, body), the last one for ever, and keeps what it was asked."""

    def __init__(self, *answers: tuple[int, Any], headers: dict[str, str] | None = None) -> None:
        self.answers = answers
        self.headers = headers
        self.asked: list[web.Request] = []
        self.bodies: list[bytes] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.read())
        self.asked.append(request)
        status, body = self.answers[min(len(self.asked), len(self.answers)) - 1]
        return (
            web.json_response(body, status=status, headers=self.headers)
            if body is not None
            else web.Response(status=status, headers=self.headers)
        )

    @property
    def authorizations(self) -> list[str]:
        return [request.headers["Authorization"] for request in self.asked]


@asynccontextmanager
async def ebay_at(script: Script, tokens: Tokens | None = None, **settings: Any) -> AsyncIterator[Ebay]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", script.answer)
    async with TestServer(app) as server:
        told = {"pause_seconds": 0.001, "timeout_seconds": 10.0, **settings}
        async with ApiClient("ebay", ApiSettings(base_url=str(server.make_url("/")), **told)) as api:
            yield Ebay(api, tokens or Tokens(), "EBAY_DE")


def error(error_id: int, domain: str = "API_INVENTORY") -> dict[str, Any]:
    return {"errors": [{"errorId": error_id, "domain": domain, "category": "REQUEST", "message": "…"}]}


async def test_every_call_names_the_marketplace_and_bears_the_token():
    script = Script((200, {"inventoryItems": [], "total": 0}))
    async with ebay_at(script) as ebay:
        await ebay.inventory.page(Cursor(3, 7))
    (asked,) = script.asked
    assert asked.headers["X-EBAY-C-MARKETPLACE-ID"] == "EBAY_DE"
    assert asked.headers["Authorization"] == "Bearer token-0"
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.path_qs == "/sell/inventory/v1/inventory_item?limit=7&offset=3"


async def test_an_expired_token_is_replaced_whether_ebay_says_401_or_403():
    for status, told in ((401, error(1001, "OAuth")), (403, error(1100, "ACCESS"))):
        script = Script((status, told), (200, {"sku": "A"}))
        async with ebay_at(script) as ebay:
            assert (await ebay.inventory.item("A")).sku == "A"
        assert script.authorizations == ["Bearer token-0", "Bearer token-1"]


async def test_a_missing_scope_stays_blocked_after_one_fresh_token():
    script = Script((403, error(1100, "ACCESS")))
    tokens = Tokens()
    async with ebay_at(script, tokens) as ebay:
        with pytest.raises(Blocked, match="ACCESS 1100"):
            await ebay.inventory.item("A")
    assert (len(script.asked), tokens.number) == (2, 1)


async def test_a_403_of_another_api_is_no_expired_token():
    script = Script((403, error(1100, "ACCESS")))
    tokens = Tokens()
    async with ebay_at(script, tokens) as ebay:
        with pytest.raises(Blocked):
            await ebay.orders.order("1")
    assert (len(script.asked), tokens.number) == (1, 0)


async def test_a_dead_account_is_unauthorized():
    async with ebay_at(Script((401, error(1001, "OAuth")))) as ebay:
        with pytest.raises(Unauthorized, match="OAuth 1001"):
            await ebay.inventory.page()


@pytest.mark.parametrize("trouble", [(429, error(2001, "ACCESS")), (500, error(25001)), (503, None)])
async def test_what_passes_is_tried_again(trouble):
    script = Script(trouble, trouble, (200, {"sku": "A"}))
    async with ebay_at(script) as ebay:
        assert (await ebay.inventory.item("A")).sku == "A"
    assert len(script.asked) == 3


@pytest.mark.parametrize(("status", "body", "raised"), [
    (429, error(2001, "ACCESS"), RateLimited),
    (500, error(25001), Unavailable),
    (400, error(25706), Refused),
    (400, error(25702), NotFound),
    (200, [], Garbage),
])  # fmt: skip
async def test_what_stays_is_told(status, body, raised):
    async with ebay_at(Script((status, body)), attempts=2) as ebay:
        with pytest.raises(raised):
            await ebay.inventory.page()


async def test_a_limit_that_ebay_refuses_is_not_sent():
    async with ebay_at(Script((200, {}))) as ebay:
        for limit in (0, 201):
            with pytest.raises(ValueError, match="1 to 200"):
                await ebay.inventory.page(Cursor(0, limit))
            with pytest.raises(ValueError, match="1 to 200"):
                await ebay.offers.page("A", Cursor(0, limit))


async def test_a_sku_without_offers_has_none():
    for status, body in ((404, error(25713)), (200, {"offers": [], "total": 0}), (200, {"total": 0})):
        async with ebay_at(Script((status, body))) as ebay:
            found = await ebay.offers.of_sku("A")
        assert (found.offers, found.unreadable) == ((), ())


async def test_each_page_is_logged_by_the_documents_names():
    page = {"inventoryItems": [{"sku": "A"}, {}], "total": 2, "size": 2}
    with capture_logs() as logged:
        async with ebay_at(Script((200, page), (404, error(25713)), (400, error(25707)))) as ebay:
            await ebay.inventory.page(Cursor(3, 50))
            await ebay.offers.page("A", format="AUCTION")
            with pytest.raises(Refused):
                await ebay.offers.page("A")
    told = {one["event"]: one for one in logged if one["event"].startswith("fetch_")}
    assert [one["event"] for one in logged if one["event"] in told] == [
        "fetch_inventory_items_request",
        "fetch_inventory_items_success",
        "fetch_offers_request",
        "fetch_offers_success",
        "fetch_offers_request",
        "fetch_offers_failed",
    ]
    items = told["fetch_inventory_items_success"]
    assert {"limit": 50, "offset": 3, "fetched": 2, "unreadable": 1, "total": 2}.items() <= items.items()
    offers = told["fetch_offers_success"]
    assert {"sku": "A", "limit": "200", "format": "AUCTION", "fetched": 0, "total": 0}.items() <= offers.items()
    assert "API_INVENTORY 25707" in told["fetch_offers_failed"]["error"]


async def test_a_404_for_another_reason_is_no_empty_list():
    for body in (error(25702), None):
        async with ebay_at(Script((404, body))) as ebay:
            with pytest.raises(NotFound):
                await ebay.offers.of_sku("A")


async def test_offers_in_the_official_and_in_the_documented_shape():
    official = {
        "offerId": "1", "sku": "A", "status": "PUBLISHED",
        "pricingSummary": {"price": {"value": "85.0", "currency": "USD"}},
        "listing": {"listingId": "110", "listingStatus": "ACTIVE", "soldQuantity": 2},
    }  # fmt: skip
    documented = {
        "offerId": "2", "sku": "A", "status": "ENDED", "listingId": "111",
        "price": {"value": "9.99", "currency": "EUR"},
        "creationDate": "2026-05-01T08:00:00.000Z",
    }  # fmt: skip
    bare = {"offerId": 3, "sku": "A", "status": "UNPUBLISHED"}
    async with ebay_at(Script((200, {"offers": [official, documented, bare, {"sku": "A"}], "total": 4}))) as ebay:
        found = await ebay.offers.of_sku("A")
    told = [(each.offer_id, each.listing_id, each.price and str(each.price.value)) for each in found.offers]
    assert told == [("1", "110", "85.0"), ("2", "111", "9.99"), ("3", None, None)]
    assert [each.id for each in found.unreadable] == [None]


async def test_every_sku_of_a_bulk_request_has_one_fate():
    responses = [
        {"statusCode": 200, "sku": "A", "inventoryItem": {"product": {"title": "x"}}},
        {"statusCode": 404, "sku": "B", **error(25702)},
        {"statusCode": 500, "sku": "C", **error(25001)},
        {"statusCode": 200, "sku": "D", "inventoryItem": None},
        {"statusCode": 200, "sku": "never asked for", "inventoryItem": {}},
        {"statusCode": 404, "sku": "A", **error(25702)},
        "garbage",
    ]
    script = Script((500, error(25001)), (207, {"responses": responses}))
    async with ebay_at(script) as ebay:
        found = await ebay.inventory.bulk(["A", "B", "C", "D", "E"])
    assert len(script.asked) == 2  # reading is repeated, though it is a POST
    assert json.loads(script.bodies[1]) == {"requests": [{"sku": sku} for sku in "ABCDE"]}
    assert {sku: item.sku for sku, item in found.items.items()} == {"A": "A"}
    fates = {sku: (failure.status, failure.gone, failure.retriable) for sku, failure in found.failures.items()}
    assert fates == {
        "B": (404, True, False),
        "C": (500, False, True),
        "D": (200, False, False),
        "E": (None, False, True),
    }
    assert str(found.failures["B"]) == "answered 404: API_INVENTORY 25702 (REQUEST)"
    assert str(found.failures["E"]) == "not answered"


@pytest.mark.parametrize("skus", [[], ["A", "A"], [str(number) for number in range(26)]])
async def test_a_bulk_request_that_ebay_refuses_is_not_sent(skus):
    script = Script((200, {}))
    async with ebay_at(script) as ebay:
        with pytest.raises(ValueError, match="1 to 25 different"):
            await ebay.inventory.bulk(skus)
    assert script.asked == []


async def test_orders_are_asked_for_by_modification_date():
    order = {
        "orderId": "12-3", "creationDate": "2026-06-05T12:00:00.000Z", "lastModifiedDate": "2026-06-05T13:00:00.000Z",
        "lineItems": [{"lineItemId": "1", "quantity": 2, "sku": "A", "total": {"value": "1.0", "currency": "USD"}}],
        "buyer": {"username": "jane"}, "pricingSummary": {"total": {"value": "1.0", "currency": "USD"}},
    }  # fmt: skip
    script = Script((200, {"orders": [order], "total": 1, "offset": 0, "limit": 200}))
    since = datetime(2026, 6, 5, 14, tzinfo=UTC)
    async with ebay_at(script) as ebay:
        found = [page async for page in ebay.orders.modified(since, since + timedelta(hours=1))]
        await ebay.orders.page(since)
        with pytest.raises(ValueError, match="offset"):
            await ebay.orders.page(datetime(2026, 6, 5))  # noqa: DTZ001  (this is what is refused)
    assert [dict(request.query)["filter"] for request in script.asked] == [
        "lastmodifieddate:[2026-06-05T14:00:00.000Z..2026-06-05T15:00:00.000Z]",
        "lastmodifieddate:[2026-06-05T14:00:00.000Z..]",
    ]
    (told,) = found[0].entries
    assert (told.order_id, told.last_modified_date.hour, told.line_items[0].quantity) == ("12-3", 13, 2)


async def test_a_report_is_ordered_once_only():
    script = Script((500, None), (202, None))
    async with ebay_at(script) as ebay:
        with pytest.raises(Unavailable):
            await ebay.feed.create()
    assert len(script.asked) == 1  # a second one might make a second task


async def test_a_reports_id_is_in_the_location():
    for location in (
        "https://api.ebay.com/sell/feed/v1/inventory_task/task-10-1",
        "/sell/feed/v1/inventory_task/task-10-1/",
    ):
        script = Script((202, None), headers={"Location": location})
        async with ebay_at(script) as ebay:
            assert await ebay.feed.create("FIXED_PRICE") == "task-10-1"
        assert json.loads(script.bodies[0]) == {
            "schemaVersion": "1.0",
            "feedType": "LMS_ACTIVE_INVENTORY_REPORT",
            "filterCriteria": {"listingFormat": "FIXED_PRICE"},
        }
    async with ebay_at(Script((202, None))) as ebay:
        with pytest.raises(Garbage, match="Location"):
            await ebay.feed.create()


async def test_waiting_for_a_report_survives_an_outage_and_ends_with_the_task():
    def task(status: str) -> tuple[int, Any]:
        return 200, {"taskId": "1", "status": status}

    seen = []

    async def note(state: Any) -> None:
        seen.append(state.status)

    moment = timedelta(milliseconds=1)
    script = Script(task("CREATED"), (503, None), task("IN_PROCESS"), task("COMPLETED"))
    async with ebay_at(script, attempts=1) as ebay:
        assert (await ebay.feed.finished("1", every=moment, seen=note)).result_ready
    assert seen == ["CREATED", "IN_PROCESS", "COMPLETED"]
    async with ebay_at(Script(task("FAILED"))) as ebay:
        with pytest.raises(TaskFailed, match="ended as FAILED"):
            await ebay.feed.finished("1", every=moment)
    async with ebay_at(Script(task("QUEUED"))) as ebay:
        with pytest.raises(Unavailable, match="has not ended"):
            await ebay.feed.finished("1", every=moment, within=5 * moment)


async def test_a_task_id_cannot_lead_elsewhere():
    script = Script((200, {}))
    async with ebay_at(script) as ebay:
        for task_id in ("../order", "a/b", "", "a?b"):
            with pytest.raises(ValueError, match="task's id"):
                await ebay.feed.task(task_id)
    assert script.asked == []
