"""The client against a server that answers as StockX has been seen to answer: response codes, requests, shapes."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr, ValidationError

from libs.http.client import ApiClient, ApiSettings
from libs.http.errors import (
    ApiError,
    Blocked,
    CircuitOpen,
    Garbage,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from libs.marketplaces.stockx.batch import BatchKind, ChangedItem, ItemStatus, NewItem
from libs.marketplaces.stockx.client import StockX, api_settings
from libs.marketplaces.stockx.errors import (
    BadRequest,
    Forbidden,
    GatewayTimeout,
    InternalServerError,
    NothingTold,
    RequestTooLarge,
    ServiceUnavailable,
    UnsupportedMediaType,
    may_have_happened,
)
from libs.marketplaces.stockx.limits import Allowance, StockXLimits, Unlimited
from libs.marketplaces.stockx.listing import InventoryType, ListingChange, ListingStatus, NewListing
from libs.marketplaces.stockx.listings import ListingFilter
from libs.marketplaces.stockx.operation import Initiator, OperationStatus
from libs.marketplaces.stockx.orders import OrderFilter
from libs.marketplaces.stockx.routes import ROUTES
from libs.oauth.tokens import TokensAway
from tests.unit.marketplaces.stockx_answers import (
    BATCH,
    BATCH_ITEMS,
    LISTING,
    MARKET,
    OPERATION,
    ORDER,
    PRODUCT,
    VARIANT,
)


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
    """Answers in turn with (status, body, headers), the last one for ever, and keeps what it was asked."""

    def __init__(self, *answers: tuple[int, Any] | tuple[int, Any, dict[str, str]]) -> None:
        self.answers = answers
        self.asked: list[web.Request] = []
        self.bodies: list[bytes] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.read())
        self.asked.append(request)
        status, body, *more = self.answers[min(len(self.asked), len(self.answers)) - 1]
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **(more[0] if more else {})}
        return web.Response(status=status, body=raw, headers=headers)

    @property
    def routes(self) -> list[str]:
        return [f"{request.method} {request.path_qs}" for request in self.asked]


class Counted:
    """An allowance that counts, and refuses beyond `most`."""

    def __init__(self, most: int) -> None:
        self.left = most

    async def take(self, amount: int, operation: str) -> None:
        if amount > self.left:
            raise RateLimited(operation, "spent", retry_after=timedelta(minutes=5))
        self.left -= amount


@asynccontextmanager
async def stockx_at(
    script: Script, tokens: Tokens | None = None, allowance: Allowance | None = None, **settings: Any
) -> AsyncIterator[StockX]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", script.answer)
    async with TestServer(app) as server:
        told = {"pause_seconds": 0.001, "timeout_seconds": 10.0, "attempts": 1, **settings}
        async with ApiClient("stockx", ApiSettings(base_url=f"{server.make_url('/v2')}", **told)) as api:
            yield StockX(api, tokens or Tokens(), SecretStr("the-key"), allowance or Unlimited())


def told(status: int) -> dict[str, Any]:
    return {"statusCode": status, "message": "what StockX\nsays"}


# --- Every response code of the document


CODES: dict[int, tuple[type[ApiError], type[ApiError]]] = {
    400: (BadRequest, Refused),
    401: (Unauthorized, Unauthorized),
    403: (Forbidden, Blocked),
    404: (NotFound, NotFound),
    413: (RequestTooLarge, Refused),
    415: (UnsupportedMediaType, Refused),
    429: (RateLimited, RateLimited),
    500: (InternalServerError, Unavailable),
    503: (ServiceUnavailable, Unavailable),
    504: (GatewayTimeout, Unavailable),
    409: (Refused, Refused),
    502: (Unavailable, Unavailable),
}


@pytest.mark.parametrize("status", CODES)
async def test_each_response_code_has_its_own_outcome(status):
    kind, fate = CODES[status]
    async with stockx_at(Script((status, told(status)))) as stockx:
        with pytest.raises(fate, match=f"GET /selling/listings/{{listingId}}: answered {status}") as raised:
            await stockx.listings.listing("L")
    error = raised.value
    assert type(error) is kind
    assert (error.status, error.body) == (status, told(status))
    assert json.loads(error.raw) == told(status)
    assert ("what StockX says" in str(error)) is (status in {400, 404, 409, 413, 415})


async def test_200_and_201_are_what_was_asked_for():
    async with stockx_at(Script((201, OPERATION), (200, OPERATION))) as stockx:
        created = await stockx.listings.create(NewListing(variant_id="V", amount=Decimal(150)))
        assert created == await stockx.operations.operation(created.listing_id, created.operation_id)


async def test_204_is_done_with_nothing_told():
    async with stockx_at(Script((204, None))) as stockx:
        with pytest.raises(NothingTold, match="answered 204 without content") as raised:
            await stockx.listings.delete("L")
        assert may_have_happened(raised.value)
        assert (await stockx.listings.page()).entries == ()
        assert (await stockx.orders.active_page()).has_next is False
        assert await stockx.catalog.variants("P") == ()
        assert (await stockx.batches.items(BatchKind.CREATE, "B")).entries == ()
        assert (await stockx.operations.of_listing("L")).entries == ()
        assert await stockx.orders.shipping_documents("1-2") is None
        with pytest.raises(NothingTold):
            await stockx.orders.shipping_document("1-2", "S", io.BytesIO())


async def test_429_tells_when_to_come_back_and_reads_do():
    script = Script((429, told(429), {"Retry-After": "7"}))
    async with stockx_at(script) as stockx:
        with pytest.raises(RateLimited) as raised:
            await stockx.catalog.product("P")
    assert raised.value.retry_after == timedelta(seconds=7)
    again = Script((429, told(429), {"Retry-After": "0"}), (503, told(503)), (200, PRODUCT))
    async with stockx_at(again, attempts=3) as stockx:
        assert (await stockx.catalog.product("P")).style_id == "DD1391-100"


async def test_401_is_answered_by_one_fresh_token():
    tokens, script = Tokens(), Script((401, told(401)), (200, OPERATION))
    async with stockx_at(script, tokens) as stockx:
        await stockx.listings.activate("L")
    assert [request.headers["Authorization"] for request in script.asked] == ["Bearer token-0", "Bearer token-1"]
    async with stockx_at(Script((401, told(401))), tokens) as stockx:
        with pytest.raises(Unauthorized):
            await stockx.listings.activate("L")
    assert tokens.number == 2


async def test_no_answer_in_time_is_unavailable():
    async def slow(_request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    release = asyncio.Event()
    script = Script()
    script.answer = slow  # type: ignore[method-assign]  # a server of its own kind
    async with stockx_at(script, timeout_seconds=0.05) as stockx:
        with pytest.raises(Unavailable, match=r"no answer within 0.05 s") as raised:
            await stockx.listings.delete("L")
        release.set()
    assert may_have_happened(raised.value)


async def test_five_failures_in_a_row_open_the_circuit_and_cost_no_allowance():
    script, allowance = Script((500, told(500))), Counted(10)
    async with stockx_at(script, allowance=allowance) as stockx:
        for _ in range(5):
            with pytest.raises(InternalServerError):
                await stockx.listings.page()
        with pytest.raises(CircuitOpen) as raised:
            await stockx.listings.page()
        with pytest.raises(CircuitOpen):
            await stockx.batches.delete(["L"])
    assert len(script.asked) == 5
    assert raised.value.retry_after is not None
    assert not may_have_happened(raised.value)
    assert allowance.left == 10


def test_the_circuit_and_the_timeout_are_the_documents():
    settings = api_settings()
    assert str(settings.base_url) == "https://api.stockx.com/v2"
    assert (settings.timeout_seconds, settings.circuit_failures, settings.circuit_open_seconds) == (10, 5, 60)


@pytest.mark.parametrize(
    ("error", "may"),
    [
        (GatewayTimeout("PUT", "", status=504), True),
        (InternalServerError("PUT", "", status=500), True),
        (Unavailable("PUT", "no answer"), True),
        (Garbage("PUT", "half"), True),
        (TokensAway("token refresh", "away"), False),
        (RateLimited("PUT", "", status=429), False),
        (BadRequest("PUT", "", status=400), False),
        (Unauthorized("PUT", "", status=401), False),
        (NotFound("PUT", "", status=404), False),
    ],
)
def test_what_may_have_been_done_is_told(error, may):
    assert may_have_happened(error) is may


@pytest.mark.parametrize("status", [500, 503, 504, 429])
async def test_a_write_is_never_repeated_by_itself(status):
    script = Script((status, told(status), {"Retry-After": "0"}), (200, OPERATION))
    async with stockx_at(script, attempts=3) as stockx:
        with pytest.raises(ApiError):
            await stockx.listings.deactivate("L")
    assert len(script.asked) == 1


# --- Malformed answers


@pytest.mark.parametrize(
    "raw",
    [b"<html>", b"[]", b"{}", b'{"listingId": 1', b"\xff\xfe", b'{"listingId": null}', b'"text"', b"7"],
)
async def test_a_malformed_answer_keeps_its_bytes(raw):
    async with stockx_at(Script((200, raw))) as stockx:
        for call in (
            stockx.listings.listing("L"),
            stockx.listings.page(),
            stockx.operations.page("L"),
            stockx.orders.order("1-2"),
            stockx.batches.batch(BatchKind.DELETE, "B"),
            stockx.batches.items(BatchKind.DELETE, "B"),
            stockx.catalog.search("HQ4276"),
            stockx.orders.shipping_documents("1-2"),
        ):
            with pytest.raises(Garbage) as raised:
                await call
            assert raised.value.raw == raw
            assert type(raised.value) is Garbage


async def test_an_array_with_one_bad_entry_is_malformed_as_a_whole():
    async with stockx_at(Script((200, [VARIANT, {"variantId": 3.5}]), (200, {"variants": []}))) as stockx:
        for _ in range(2):
            with pytest.raises(Garbage) as raised:
                await stockx.catalog.variants("P")
            assert raised.value.raw


async def test_one_bad_entry_does_not_spoil_its_page():
    bad = {**LISTING, "createdAt": "yesterday", "note": "Löwe", "payout": {"totalPayout": "76.81"}}
    page = {"count": 2, "pageNumber": 1, "pageSize": 2, "hasNextPage": False, "listings": [bad, LISTING]}
    async with stockx_at(Script((200, page))) as stockx:
        found = await stockx.listings.page()
    assert [each.listing_id for each in found.entries] == [LISTING["listingId"]]
    (unreadable,) = found.unreadable
    assert "created" in unreadable.reason
    assert "yesterday" not in unreadable.reason
    assert json.loads(unreadable.raw) == bad


# --- Requests


async def test_every_call_bears_key_and_token():
    script = Script((200, {"products": [], "count": 0, "hasNextPage": False}))
    async with stockx_at(script) as stockx:
        await stockx.catalog.search("DD1391 & 100", page=3, page_size=50)
    (asked,) = script.asked
    assert asked.headers["x-api-key"] == "the-key"
    assert asked.headers["Authorization"] == "Bearer token-0"
    assert asked.path == "/v2/catalog/search"
    assert dict(asked.query) == {"query": "DD1391 & 100", "pageNumber": "3", "pageSize": "50"}


async def test_the_path_holds_ids_as_they_are():
    script = Script((404, told(404)))
    async with stockx_at(script) as stockx:
        with pytest.raises(NotFound):
            await stockx.listings.listing("a/../b?c")
    assert script.asked[0].raw_path == "/v2/selling/listings/a%2F..%2Fb%3Fc"


async def test_writes_send_what_was_given_and_nothing_else():
    script = Script((200, OPERATION))
    until = datetime(2026, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
    async with stockx_at(script) as stockx:
        await stockx.listings.create(NewListing(variant_id="V", amount=Decimal("150.00"), active=False))
        await stockx.listings.create(
            NewListing(
                variant_id="V",
                amount=Decimal("99.5"),
                currency_code="EUR",
                expires_at=until,
                inventory_type=InventoryType.DIRECT,
            )
        )
        await stockx.listings.update("L", ListingChange(amount=Decimal(1000)))
        await stockx.listings.activate("L")
        await stockx.listings.deactivate("L")
        await stockx.listings.delete("L")
    assert script.routes == [
        "POST /v2/selling/listings",
        "POST /v2/selling/listings",
        "PATCH /v2/selling/listings/L",
        "PUT /v2/selling/listings/L/activate",
        "PUT /v2/selling/listings/L/deactivate",
        "DELETE /v2/selling/listings/L",
    ]
    assert [json.loads(body) if body else None for body in script.bodies] == [
        {"variantId": "V", "amount": "150", "active": False},
        {
            "variantId": "V",
            "amount": "99.5",
            "currencyCode": "EUR",
            "expiresAt": "2026-12-31T23:59:59.999Z",
            "active": True,
            "inventoryType": "DIRECT",
        },
        {"amount": "1000"},
        {},
        None,
        None,
    ]


async def test_batches_are_sent_within_their_size_and_the_allowance():
    script, allowance = Script((200, BATCH)), Counted(12)
    async with stockx_at(script, allowance=allowance) as stockx:
        await stockx.batches.create([NewItem(variant_id="V", amount=Decimal(100), quantity=10)])
        await stockx.batches.update([ChangedItem(listing_id="L", active=False)])
        await stockx.batches.delete(["L"])
        assert allowance.left == 0
        with pytest.raises(RateLimited) as raised:
            await stockx.batches.delete(["L"])
        for wrong in ([], ["L"] * 101):
            with pytest.raises(ValueError, match="1 to 100 items"):
                await stockx.batches.delete(wrong)
    assert raised.value.retry_after == timedelta(minutes=5)
    assert script.routes == [f"POST /v2/selling/batch/{kind}-listing" for kind in ("create", "update", "delete")]
    assert [json.loads(body)["items"][0] for body in script.bodies] == [
        {"variantId": "V", "amount": "100", "quantity": 10, "active": True},
        {"listingId": "L", "active": False},
        {"listingId": "L"},
    ]


async def test_lists_are_narrowed_by_what_was_given():
    script = Script((204, None))
    chosen = ListingFilter(
        variant_ids=("A", "B"), statuses=(ListingStatus.ACTIVE,), from_date=date(2026, 1, 2), expired=False
    )
    async with stockx_at(script) as stockx:
        await stockx.listings.page(2, 50, chosen)
        await stockx.orders.past_page(1, 100, OrderFilter(status="COMPLETED", to_date=date(2026, 1, 3)))
        await stockx.batches.items(BatchKind.CREATE, "B", ItemStatus.FAILED)
        with pytest.raises(ValueError, match="1 to 100 entries"):
            await stockx.listings.page(1, 101)
        with pytest.raises(ValueError, match="1 to 100 characters"):
            await stockx.catalog.search("x" * 101)
    assert [dict(each.query) for each in script.asked] == [
        {
            "pageNumber": "2",
            "pageSize": "50",
            "variantIds": "A,B",
            "listingStatuses": "ACTIVE",
            "fromDate": "2026-01-02",
            "isExpired": "false",
        },
        {"pageNumber": "1", "pageSize": "100", "orderStatus": "COMPLETED", "toDate": "2026-01-03"},
        {"status": "FAILED"},
    ]


@pytest.mark.parametrize("amount", ["0", "-1", "1.005", "NaN"])
def test_an_amount_that_is_none_is_refused_here(amount):
    with pytest.raises(ValidationError):
        NewListing(variant_id="V", amount=Decimal(amount))


# --- Paging


async def test_pages_are_followed_until_the_last():
    def page(number: int, more: bool) -> dict[str, Any]:
        return {"count": 3, "pageNumber": number, "pageSize": 1, "hasNextPage": more, "orders": [ORDER]}

    script = Script((200, page(1, True)), (200, page(2, True)), (200, page(3, False)))
    async with stockx_at(script) as stockx:
        found = [each async for each in stockx.orders.active(size=1)]
    assert [each.number for each in found] == [1, 2, 3]
    assert {each.total for each in found} == {3}
    assert [request.query["pageNumber"] for request in script.asked] == ["1", "2", "3"]


async def test_an_empty_page_ends_a_list_that_says_it_goes_on():
    endless = {"count": 9, "pageNumber": 1, "pageSize": 1, "hasNextPage": True, "orders": []}
    async with stockx_at(Script((200, endless))) as stockx:
        assert len([each async for each in stockx.orders.past()]) == 1


async def test_operations_end_where_nothing_new_comes():
    some = [{**OPERATION, "operationId": f"O{number}"} for number in range(100)]
    script = Script(
        (200, {"nextCursor": "same", "operations": some}), (200, {"nextCursor": "same", "operations": some})
    )
    async with stockx_at(script) as stockx:
        found = await stockx.operations.of_listing("L")
    assert len(found.entries) == 100
    assert len(script.asked) == 2


# --- Shapes


async def test_an_operation_tells_who_changed_what():
    failed = {**OPERATION, "operationStatus": "FAILED", "operationInitiatedBy": "SYSTEM", "error": "Too low"}
    async with stockx_at(Script((200, OPERATION), (200, {**failed, "changes": None}))) as stockx:
        pending = await stockx.operations.operation("L", "O")
        ended = await stockx.operations.operation("L", "O")
    assert (pending.type, pending.status, pending.ended) == ("CREATE", OperationStatus.PENDING, False)
    assert pending.changes is not None
    assert pending.changes.additions["askData"]["amount"] == "100"
    assert (ended.status, ended.initiated_by, ended.error) == (OperationStatus.FAILED, Initiator.SYSTEM, "Too low")
    assert ended.ended


async def test_a_batch_counts_in_text_or_numbers_and_its_items_have_fates():
    async with stockx_at(Script((200, BATCH), (200, BATCH_ITEMS))) as stockx:
        batch = await stockx.batches.batch(BatchKind.DELETE, "B")
        items = (await stockx.batches.items(BatchKind.DELETE, "B")).entries
    assert batch.item_statuses is not None
    assert (batch.item_statuses.queued, batch.item_statuses.completed, batch.item_statuses.failed) == (8, 1, 1)
    assert not batch.ended
    assert [(each.status, each.listing_id, each.error) for each in items] == [
        ("COMPLETED", "98e2e748-0001", None),
        ("FAILED", "98e2e748-0002", "No such listing"),
    ]


async def test_nulls_are_none_and_amounts_exact():
    async with stockx_at(Script((200, MARKET), (200, LISTING), (200, ORDER), (200, VARIANT))) as stockx:
        market = await stockx.markets.of_variant("P", "V", "GBP")
        listing = await stockx.listings.listing("L")
        order = await stockx.orders.order("1-2")
        variant = await stockx.catalog.variant("P", "V")
    assert (market.lowest_ask_amount, market.highest_bid_amount) == (None, Decimal(27))
    assert listing.payout is not None
    assert listing.payout.total_payout == Decimal("76.81")
    assert listing.last_operation is not None
    assert listing.last_operation.status is OperationStatus.SUCCEEDED
    assert order.shipment is not None
    assert order.shipment.ship_by_date == datetime(2021, 8, 28, tzinfo=UTC)
    assert variant.size_chart is not None
    assert variant.size_chart.default_conversion is not None
    assert variant.size_chart.default_conversion.size == "3.5"


# --- Limits


def test_every_operation_counts_against_the_same_limits():
    rules = StockXLimits().rules()
    assert {*rules} == {*ROUTES}
    (rule,) = {id(each): each for each in rules.values()}.values()
    assert rule.quota is not None
    assert rule.pace is not None
    assert (rule.quota.limit, rule.quota.window) == (25_000, timedelta(days=1))
    assert rule.pace.interval >= timedelta(seconds=1)
    items, day = StockXLimits().item_quotas()
    assert (items.limit, day.limit, day.window) == (500, 50_000, timedelta(days=1))
    assert items.window > timedelta(minutes=5)


async def test_what_nothing_would_count_cannot_be_called():
    async with stockx_at(Script((204, None))) as stockx:
        with pytest.raises(ValueError, match=r"routes\.py"):
            await stockx.listings._caller.call("GET", "/selling/invented")
