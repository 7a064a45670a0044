"""StockX's client and StockX's stand-in together: every call over real HTTP, operations that take time, limits."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from libs.db.pool import Database
from libs.http.errors import ApiError, NotFound, RateLimited, Unauthorized
from libs.marketplaces.stockx.batch import Batch, BatchKind, ChangedItem, ItemStatus, NewItem
from libs.marketplaces.stockx.client import StockX
from libs.marketplaces.stockx.errors import BadRequest, Forbidden, RequestTooLarge, UnsupportedMediaType, interpreted
from libs.marketplaces.stockx.limits import StockXLimits, Unlimited
from libs.marketplaces.stockx.listing import InventoryType, ListingChange, ListingStatus, NewListing
from libs.marketplaces.stockx.listings import ListingFilter
from libs.marketplaces.stockx.oauth import code_exchange, consent_url
from libs.marketplaces.stockx.operation import Initiator, Operation, OperationStatus
from libs.marketplaces.stockx.orders import OrderFilter
from libs.quota.allowance import SharedAllowance
from libs.quota.limiter import SharedRateLimiter
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.stockx_account import Account, account

YUGIOH = "fa671f11-b94d-4596-a4fe-d91e0bd995a0"
PANDA = "5e6a1e57-1c7d-435a-82bd-5666a13560fe"


@pytest.fixture
async def running() -> AsyncIterator[Sandbox]:
    """Without limits and chance: what is asked for succeeds, after a minute at most."""
    async with sandbox(stockx_limited=False, stockx_failing=0, stockx_system=0, stockx_products=60) as made:
        yield made


@pytest.fixture
async def seller(running: Sandbox) -> AsyncIterator[Account]:
    async with account(running) as opened:
        yield opened


async def later(made: Sandbox, seconds: float = 61) -> None:
    await made.control("POST", "/_clock", {"advance_seconds": seconds})


async def switch(made: Sandbox, **switches: Any) -> None:
    await made.control("PATCH", "/_stockx/switches", switches)


async def variant_ids(stockx: StockX, product_id: str = PANDA) -> list[str]:
    return [each.variant_id for each in await stockx.catalog.variants(product_id)]


async def new_listing(stockx: StockX, amount: int | Decimal = 150, **more: Any) -> Operation:
    variant_id = (await variant_ids(stockx))[0]
    return await stockx.listings.create(NewListing(variant_id=variant_id, amount=Decimal(amount), **more))


async def truth(made: Sandbox) -> dict[str, dict[str, Any]]:
    """What each listing really is."""
    return {each["listing_id"]: each for each in (await made.control("GET", "/_stockx/listings"))["listings"]}


# --- OAuth


async def test_from_the_sellers_consent_to_the_first_call(running, seller):
    async with running.http.get(consent_url(seller.application, "st&te"), allow_redirects=False) as answer:
        assert answer.status == 302
        back = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert back["state"] == ["st&te"]
    pair = await code_exchange(seller.accounts, seller.application)(back["code"][0])
    assert pair.refresh == seller.tokens.refresh_token
    seller.tokens.access = pair.access
    assert (await seller.stockx.listings.page()).total == 0
    with pytest.raises(Unauthorized, match="invalid_grant"):
        await code_exchange(seller.accounts, seller.application)(back["code"][0])


@pytest.mark.parametrize("rotating", [False, True])
async def test_a_token_that_ends_is_renewed_and_its_refresh_token_may_rotate(running, seller, rotating):
    await seller.stockx.listings.page()
    await switch(running, rotating=rotating)
    first = seller.tokens.refresh_token
    pair = await seller.tokens.grant(first)
    assert (pair.refresh != first) is rotating
    if rotating:
        with pytest.raises(Unauthorized, match="invalid_grant"):
            await seller.tokens.grant(first)
    seller.tokens.refresh_token = pair.refresh
    await later(running, 43_200)
    await seller.stockx.listings.page()
    assert seller.tokens.refreshes == 2


async def test_a_token_request_may_be_json_too(running, seller):
    url = f"{running.base}/stockx/oauth/token"
    wanted = {
        "grant_type": "refresh_token",
        "client_id": seller.application.client_id,
        "client_secret": seller.application.client_secret.get_secret_value(),
        "refresh_token": seller.tokens.refresh_token,
    }
    async with running.http.post(url, json=wanted) as answer:
        assert answer.status == 200
        assert (await answer.json())["expires_in"] == 43_200
    for body in ("[]", "{", '{"client_secret": "\\ud800"}', "[" * 100_000):
        async with running.http.post(url, data=body, headers={"Content-Type": "application/json"}) as answer:
            assert answer.status == 401


async def test_a_seller_who_takes_the_consent_back(running, seller):
    await seller.stockx.listings.page()
    await running.control("POST", "/_stockx/revoke", {"seller": seller.name})
    with pytest.raises(Unauthorized, match="invalid_grant"):
        await seller.stockx.listings.page()


async def test_a_wrong_key_is_unauthorized(running, seller):
    stranger = StockX(seller.api, seller.tokens, SecretStr("wrong"), Unlimited())
    with pytest.raises(Unauthorized, match="401"):
        await stranger.catalog.search("HQ4276")


# --- Catalog and market


async def test_search_is_fuzzy_and_paged(seller):
    exact = (await seller.stockx.catalog.search("HQ4276")).entries
    assert YUGIOH in {each.product_id for each in exact}
    for query in ("hq-4276", "Reptossage Slides"):
        assert YUGIOH in {each.product_id for each in (await seller.stockx.catalog.search(query, page_size=50)).entries}
    first = await seller.stockx.catalog.search("Dunk Low Retro", page_size=2)
    second = await seller.stockx.catalog.search("Dunk Low Retro", page=2, page_size=2)
    assert first.has_next
    assert first.total == second.total
    assert not {each.product_id for each in first.entries} & {each.product_id for each in second.entries}
    assert (await seller.stockx.catalog.search("NO-SUCH-STYLE-999")).entries == ()


async def test_a_popular_sibling_may_stand_before_the_exact_style(seller):
    seen = (await seller.stockx.catalog.search("Retro", page_size=50)).entries
    styles = [each.style_id for each in seen if each.style_id]
    first = [(style, (await seller.stockx.catalog.search(style)).entries) for style in styles]
    assert all(style in {each.style_id for each in found} for style, found in first)
    assert any(found[0].style_id != style for style, found in first)


async def test_products_variants_and_gtins(seller):
    catalog = seller.stockx.catalog
    product, variants = await catalog.product(PANDA), await catalog.variants(PANDA)
    assert product.style_id == "DD1391-100"
    assert product.product_attributes is not None
    assert product.product_attributes.retail_price == 115
    assert await catalog.variant(PANDA, variants[3].variant_id) == variants[3]
    known = next(each for each in variants if each.gtins)
    assert await catalog.variant_by_gtin(str(known.gtins[0].identifier)) == known
    assert any(not each.gtins for each in [*variants, *await catalog.variants(YUGIOH)])
    with pytest.raises(NotFound):
        await catalog.product("00000000-0000-4000-8000-000000000000")
    with pytest.raises(NotFound):
        await catalog.variant_by_gtin("00000000000")
    with pytest.raises(BadRequest, match="Invalid GTIN"):
        await catalog.variant_by_gtin("shoe")
    with pytest.raises(BadRequest, match="not of this product"):
        await catalog.variant(YUGIOH, known.variant_id)


async def test_market_data_moves_with_the_sandboxs_clock_and_its_history_is_known(running, seller):
    before = await seller.stockx.markets.of_product(PANDA)
    assert {each.variant_id for each in before} == {*await variant_ids(seller.stockx)}
    await later(running, 86_400)
    after = {each.variant_id: each for each in await seller.stockx.markets.of_product(PANDA)}
    assert any(each.lowest_ask_amount != after[each.variant_id].lowest_ask_amount for each in before)
    one = before[2]
    span = {"variant_id": one.variant_id, "begin": "2026-06-05T12:00:00Z", "end": "2026-06-06T12:00:00Z"}
    prices = (await running.control("POST", "/_stockx/prices", span))["prices"]
    assert len(prices) == 25
    told = (one.lowest_ask_amount, after[one.variant_id].lowest_ask_amount)
    assert told == tuple(None if each["lowest_ask"] is None else Decimal(each["lowest_ask"]) for each in prices[::24])
    euros = await seller.stockx.markets.of_variant(PANDA, one.variant_id, "EUR")
    assert euros.currency_code == "EUR"
    with pytest.raises(BadRequest, match="currencyCode"):
        await seller.stockx.markets.of_product(PANDA, "XYZ")


async def test_own_asks_are_in_a_variants_market_but_not_in_the_products(running, seller):
    operation = await new_listing(seller.stockx, amount=26)
    await later(running)
    listing = await seller.stockx.listings.listing(operation.listing_id)
    assert listing.variant is not None
    alone = await seller.stockx.markets.of_variant(PANDA, listing.variant.variant_id)
    whole = {each.variant_id: each for each in await seller.stockx.markets.of_product(PANDA)}
    assert alone.lowest_ask_amount == 26
    assert whole[alone.variant_id].lowest_ask_amount != 26
    await new_listing(seller.stockx, currency_code="KRW", amount=Decimal("12345.67"))
    await later(running)
    won = await seller.stockx.markets.of_variant(PANDA, listing.variant.variant_id, "KRW")
    assert won.lowest_ask_amount == Decimal("12345.67"), "amounts are exact"


# --- Listings and operations


async def test_a_listings_life_is_told_by_its_operations(running, seller):
    stockx = seller.stockx
    created = await new_listing(stockx, active=False)
    assert (created.type, created.status, created.initiated_by) == ("CREATE", OperationStatus.PENDING, Initiator.USER)
    assert created.url is not None
    steps: list[tuple[Any, ListingStatus]] = [
        (stockx.listings.activate, ListingStatus.ACTIVE),
        (
            lambda listing_id: stockx.listings.update(listing_id, ListingChange(amount=Decimal(175))),
            ListingStatus.ACTIVE,
        ),
        (stockx.listings.deactivate, ListingStatus.INACTIVE),
        (stockx.listings.delete, ListingStatus.DELETED),
    ]
    await later(running)
    assert (await stockx.listings.listing(created.listing_id)).status == ListingStatus.INACTIVE
    for write, status in steps:
        operation = await write(created.listing_id)
        assert not (await stockx.operations.operation(operation.listing_id, operation.operation_id)).ended
        await later(running)
        ended = await stockx.operations.operation(operation.listing_id, operation.operation_id)
        assert (ended.status, ended.error) == (OperationStatus.SUCCEEDED, None)
        listing = await stockx.listings.listing(created.listing_id)
        assert listing.status == status
        assert (listing.ask is not None) is (status is ListingStatus.ACTIVE)
        assert listing.last_operation is not None
        assert listing.last_operation.operation_id == operation.operation_id
    assert listing.amount == 175
    types = [each.type for each in (await stockx.operations.of_listing(created.listing_id)).entries]
    assert types == ["DELETE", "DEACTIVATE", "UPDATE", "ACTIVATE", "CREATE"]
    assert (await stockx.listings.page()).entries == ()


async def test_operations_of_a_listing_end_in_their_order(running, seller):
    created = await new_listing(seller.stockx)
    for amount in range(151, 156):
        await seller.stockx.listings.update(created.listing_id, ListingChange(amount=Decimal(amount)))
    await later(running)
    assert (await seller.stockx.listings.listing(created.listing_id)).amount == 155
    ends = [each["ends_at"] for each in (await running.control("GET", "/_stockx/operations"))["operations"]]
    assert ends == sorted(ends)


async def test_some_operations_fail_and_say_why(running, seller):
    await switch(running, failing=1)
    created = await new_listing(seller.stockx)
    await later(running)
    failed = await seller.stockx.operations.operation(created.listing_id, created.operation_id)
    assert failed.status is OperationStatus.FAILED
    assert failed.error
    assert (await seller.stockx.listings.listing(created.listing_id)).status == ListingStatus.DELETED


async def test_an_operation_that_is_not_possible_when_its_turn_comes_fails(running, seller):
    created = await new_listing(seller.stockx)
    await seller.stockx.listings.delete(created.listing_id)
    late = await seller.stockx.listings.activate(created.listing_id)
    await later(running)
    told = await seller.stockx.operations.operation(late.listing_id, late.operation_id)
    assert told.status is OperationStatus.FAILED
    assert "DELETED" in str(told.error)


async def test_some_operations_never_end(running, seller):
    await switch(running, endless=1)
    created = await new_listing(seller.stockx)
    await later(running, 86_400)
    assert not (await seller.stockx.operations.operation(created.listing_id, created.operation_id)).ended


async def test_stockx_starts_operations_by_itself(running, seller):
    created = await new_listing(seller.stockx)
    await later(running)
    begun = (await running.control("POST", "/_stockx/system", {"listing_ids": [created.listing_id]}))["operations"]
    await later(running)
    newest = (await seller.stockx.operations.of_listing(created.listing_id)).entries[0]
    assert (newest.operation_id, newest.type) == (begun[0]["operation_id"], "DEACTIVATE")
    assert (newest.initiated_by, newest.initiated_via) == (Initiator.SYSTEM, "INTERNAL-SYSTEM")
    assert (await seller.stockx.listings.listing(created.listing_id)).status == ListingStatus.INACTIVE


async def test_an_ask_that_expires_is_taken_down_by_stockx(running, seller):
    expires = datetime(2026, 6, 5, 13, tzinfo=UTC)
    created = await new_listing(seller.stockx, expires_at=expires)
    await later(running)
    assert (await seller.stockx.listings.listing(created.listing_id)).status == ListingStatus.ACTIVE
    await later(running, 3600)
    await later(running)
    newest = (await seller.stockx.operations.of_listing(created.listing_id)).entries[0]
    assert (newest.type, newest.initiated_by) == ("DEACTIVATE", Initiator.SYSTEM)
    found = await seller.stockx.listings.page(chosen=ListingFilter(expired=True))
    assert [each.listing_id for each in found.entries] == [created.listing_id]


async def test_listings_are_narrowed_and_paged(running, seller):
    for amount in range(100, 107):
        await new_listing(seller.stockx, amount=amount, active=amount % 2 == 0)
    await later(running)
    everything = [each async for page in seller.stockx.listings.pages(size=3) for each in page.entries]
    assert [each.amount for each in everything] == [*range(100, 107)]
    active = await seller.stockx.listings.page(chosen=ListingFilter(statuses=(ListingStatus.ACTIVE,)))
    assert {each.amount for each in active.entries} == {100, 102, 104, 106}
    nothing = await seller.stockx.listings.page(chosen=ListingFilter(product_ids=(YUGIOH,)))
    assert (nothing.total, nothing.entries) == (0, ())


async def test_sellers_see_their_own_listings_only(running, seller):
    created = await new_listing(seller.stockx)
    async with account(running, 1) as other:
        with pytest.raises(NotFound):
            await other.stockx.listings.listing(created.listing_id)
        with pytest.raises(NotFound):
            await other.stockx.listings.delete(created.listing_id)
        assert (await other.stockx.listings.page()).total == 0


async def test_wrong_writes_are_refused_at_once(running, seller):
    past = datetime(2020, 1, 1, tzinfo=UTC)
    with pytest.raises(BadRequest, match="Unknown variantId"):
        await seller.stockx.listings.create(NewListing(variant_id="none", amount=Decimal(1)))
    with pytest.raises(BadRequest, match="in the past"):
        await new_listing(seller.stockx, expires_at=past)
    with pytest.raises(BadRequest, match="currencyCode"):
        await new_listing(seller.stockx, currency_code="XYZ")
    with pytest.raises(BadRequest, match="listingId"):
        await seller.stockx.listings.activate("no-uuid")
    headers = {"x-api-key": (await running.control("GET", "/_accounts"))["stockx"]["api_key"]}
    for body, kind in (({"amount": "1", "colour": "red"}, "Unknown properties: colour"), ([], "must be an object")):
        token = await seller.tokens.token()
        url = f"{running.base}/stockx/v2/selling/listings"
        async with running.http.post(url, json=body, headers={**headers, "Authorization": f"Bearer {token}"}) as answer:
            assert answer.status == 400
            assert kind in (await answer.json())["message"]
    json_type = {
        **headers,
        "Authorization": f"Bearer {await seller.tokens.token()}",
        "Content-Type": "application/json",
    }
    for text in ("[" * 100_000, '{"variantId": "\\ud800", "amount": "1"}', '{"\\ud800": 1}'):
        async with running.http.post(
            f"{running.base}/stockx/v2/selling/listings", data=text, headers=json_type
        ) as answer:
            assert answer.status == 400
            assert (await answer.json())["message"] == "The body is not JSON"


# --- Batches


async def done(made: Sandbox, stockx: StockX, kind: BatchKind, batch: Batch) -> Batch:
    await later(made, 70)
    return await stockx.batches.batch(kind, batch.batch_id)


async def test_batches_create_update_and_delete_with_results_for_each_item(running, seller):
    stockx = seller.stockx
    variants = await variant_ids(stockx)
    items = [NewItem(variant_id=each, amount=Decimal(200), quantity=2) for each in variants[:10]]
    batch = await stockx.batches.create([*items, NewItem(variant_id="none", amount=Decimal(1))])
    assert (batch.status, batch.total_items, batch.ended) == ("QUEUED", 21, False)
    batch = await done(running, stockx, BatchKind.CREATE, batch)
    assert (batch.status, batch.ended) == ("COMPLETED", True)
    assert batch.item_statuses is not None
    assert (batch.item_statuses.completed, batch.item_statuses.failed) == (20, 1)
    (failed,) = (await stockx.batches.items(BatchKind.CREATE, batch.batch_id, ItemStatus.FAILED)).entries
    assert failed.error == "Not found: variant"
    made = (await stockx.batches.items(BatchKind.CREATE, batch.batch_id, ItemStatus.COMPLETED)).entries
    ids = [str(each.listing_id) for each in made]
    assert {each.listing_id for each in (await stockx.listings.page()).entries} == {*ids}
    chosen = ListingFilter(batch_ids=(batch.batch_id,))
    assert (await stockx.listings.page(chosen=chosen)).total == 20

    changes = [ChangedItem(listing_id=each, amount=Decimal(210)) for each in ids[:5]]
    changes += [ChangedItem(listing_id=each, active=False) for each in ids[5:10]]
    updated = await done(running, stockx, BatchKind.UPDATE, await stockx.batches.update(changes))
    assert updated.item_statuses is not None
    assert updated.item_statuses.completed == 10
    really = await truth(running)
    assert {really[each]["amount"] for each in ids[:5]} == {"210"}
    assert {really[each]["status"] for each in ids[5:10]} == {"INACTIVE"}

    deleted = await done(running, stockx, BatchKind.DELETE, await stockx.batches.delete([*ids[:19], "no-such-listing"]))
    gone = (await stockx.batches.items(BatchKind.DELETE, deleted.batch_id)).entries
    assert [each.listing_id for each in gone] == [*ids[:19], "no-such-listing"]
    assert [each.status for each in gone] == ["COMPLETED"] * 19 + ["FAILED"]
    assert [each.listing_id for each in (await stockx.listings.page()).entries] == ids[19:]
    with pytest.raises(NotFound):
        await stockx.batches.batch(BatchKind.UPDATE, deleted.batch_id)


async def test_an_item_fails_inside_a_completed_batch(running, seller):
    await switch(running, failing=0.5)
    variants = await variant_ids(seller.stockx)
    batch = await seller.stockx.batches.create([NewItem(variant_id=each, amount=Decimal(99)) for each in variants])
    batch = await done(running, seller.stockx, BatchKind.CREATE, batch)
    items = (await seller.stockx.batches.items(BatchKind.CREATE, batch.batch_id)).entries
    assert batch.status == "COMPLETED"
    assert {each.status for each in items} == {"COMPLETED", "FAILED"}
    assert all((each.error is None) is (each.status == "COMPLETED") for each in items)


# --- Orders


async def test_orders_go_from_active_to_history(running, seller):
    stockx = seller.stockx
    old = [each async for page in stockx.orders.past(size=15) for each in page.entries]
    assert len(old) == 40
    assert (await stockx.orders.active_page()).total == 0
    created = await new_listing(stockx)
    await later(running)
    (sold,) = (await running.control("POST", "/_stockx/sales", {"listing_ids": [created.listing_id]}))["orders"]
    number = sold["orderNumber"]
    (order,) = (await stockx.orders.active_page()).entries
    assert (order.order_number, order.listing_id, order.status) == (number, created.listing_id, "CREATED")
    listing = await stockx.listings.listing(created.listing_id)
    assert listing.status == ListingStatus.MATCHED
    assert listing.order is not None
    assert listing.order.order_number == number
    for status in ("SHIPPED", "RECEIVED", "COMPLETED"):
        await running.control("POST", f"/_stockx/orders/{number}/advance", {"status": status})
        order = await stockx.orders.order(number)
        assert order.status == status
        assert order.shipment is not None
        assert order.shipment.carrier_code == "ups"
    assert (await stockx.orders.active_page()).total == 0
    today = OrderFilter(from_date=datetime(2026, 6, 5, tzinfo=UTC).date())
    assert number in {each.order_number for each in (await stockx.orders.past_page(chosen=today)).entries}
    assert (await stockx.listings.listing(created.listing_id)).status == ListingStatus.COMPLETED
    sink = io.BytesIO()
    await stockx.orders.shipping_document(number, sold["document"], sink)
    assert sink.getvalue().startswith(b"%PDF")
    with pytest.raises(NotFound):
        await stockx.orders.shipping_document(number, "another", io.BytesIO())
    with pytest.raises(BadRequest, match="Direct"):
        await stockx.orders.shipping_documents(number)
    with pytest.raises(NotFound):
        await stockx.orders.order("1-2")


async def test_direct_orders_have_papers(running, seller):
    created = await new_listing(seller.stockx, inventory_type=InventoryType.DIRECT)
    await later(running)
    (sold,) = (await running.control("POST", "/_stockx/sales", {"listing_ids": [created.listing_id]}))["orders"]
    assert sold["orderNumber"].startswith("06-")
    assert await seller.stockx.orders.shipping_documents(sold["orderNumber"]) is None
    await running.control("POST", f"/_stockx/orders/{sold['orderNumber']}/advance", {"status": "SHIPPED"})
    papers = await seller.stockx.orders.shipping_documents(sold["orderNumber"])
    assert papers is not None
    assert {*papers.required} == {"packingSlip", "label"}


async def test_the_world_goes_on_by_itself(running, seller):
    for _ in range(5):
        await new_listing(seller.stockx)
    await later(running)
    await running.control("POST", "/_world/steps", {"steps": 60, "marketplace": "stockx", "poison": 0.5})
    await later(running)
    statuses = {each["status"] for each in (await truth(running)).values()}
    assert statuses - {"ACTIVE"}
    summary = await running.control("GET", "/_world/summary")
    assert summary["marketplaces"]["stockx"]["listings"] == 5
    await running.control("POST", "/_poison", {"marketplace": "stockx", "count": 1}, expect=400)


# --- Trouble


@pytest.mark.parametrize(
    ("fault", "kind"),
    [({"kind": "blocked"}, Forbidden), ({"kind": "not_found"}, NotFound), ({"kind": "unauthorized"}, Unauthorized)],
)
async def test_faults_are_what_they_say(running, seller, fault, kind):
    await running.control("POST", "/_faults", {"marketplace": "stockx", "path": "/v2/*", **fault})
    with pytest.raises(kind):
        await seller.stockx.listings.page()


async def test_reads_survive_trouble_on_the_way(running):
    for fault in (
        {"kind": "rate_limited", "count": 2, "retry_after": 0},
        {"kind": "outage", "status": 504, "count": 2},
    ):
        await running.control("POST", "/_faults", {"marketplace": "stockx", "path": "/v2/*", **fault})
    async with account(running, attempts=6) as patient:
        assert (await patient.stockx.catalog.product(YUGIOH)).style_id == "HQ4276"


async def test_what_is_too_large_or_no_json(running, seller):
    token = await seller.tokens.token()
    key = (await running.control("GET", "/_accounts"))["stockx"]["api_key"]
    headers = {"x-api-key": key, "Authorization": f"Bearer {token}"}
    wanted = {"amount": "1" * 300_000}
    for content, kind in ({"body": wanted}, RequestTooLarge), ({"form": {"amount": "1"}}, UnsupportedMediaType):
        from_stockx = await answered(seller, headers, content)
        assert type(from_stockx) is kind


async def answered(seller: Account, headers: dict[str, str], content: dict[str, Any]) -> Exception:
    """The outcome of a request that the client itself would never send."""
    with pytest.raises(ApiError) as raised:
        await seller.api.call("POST", "/selling/listings", headers=headers, repeatable=False, **content)
    return interpreted(raised.value)


# --- Limits, kept by us in PostgreSQL


class Heedless:
    """A limiter that keeps no limit and hears no 429."""

    async def acquire(self, bucket: str) -> None:
        return None

    async def push_back(self, bucket: str, retry_after: timedelta) -> None:
        return None


@pytest.fixture
async def heedless(running: Sandbox) -> AsyncIterator[Account]:
    async with account(running, limiter=Heedless(), attempts=1) as opened:
        yield opened


async def test_the_sandbox_enforces_its_limits(running, heedless):
    seller = heedless
    await seller.stockx.listings.page()
    await switch(running, limited=True, requests_a_second=0.01)
    await later(running, 100)
    await seller.stockx.listings.page()
    with pytest.raises(RateLimited) as raised:
        await seller.stockx.listings.page()
    assert raised.value.retry_after is not None
    assert timedelta(seconds=50) < raised.value.retry_after <= timedelta(seconds=100)
    await running.control("POST", "/_stockx/limits", {"requests": 25_000})
    await later(running, 100)
    with pytest.raises(RateLimited) as raised:
        await seller.stockx.listings.page()
    assert raised.value.retry_after is not None
    assert timedelta(hours=11) < raised.value.retry_after <= timedelta(hours=12)  # the sandbox began at noon
    await later(running, 12 * 3600)
    seller.tokens.access = None  # it has ended: a 401 would cost a request, and the next would come too soon
    await seller.stockx.listings.page()
    calls = await running.control("GET", "/_stockx/calls")
    assert (calls["requests_today"], calls["refused"]) == (1, {"requests a day": 1, "requests a second": 1})
    assert calls["calls"] == {"GET /selling/listings": 3}


async def test_the_sandbox_counts_items_of_batches(running, heedless):
    seller = heedless
    await switch(running, limited=True, requests_a_second=1000)
    variant = (await variant_ids(seller.stockx))[0]
    for quantity in (400, 100):
        await seller.stockx.batches.create([NewItem(variant_id=variant, amount=Decimal(1), quantity=quantity)])
    with pytest.raises(RateLimited) as raised:
        await seller.stockx.batches.create([NewItem(variant_id=variant, amount=Decimal(1))])
    assert raised.value.retry_after is not None
    assert timedelta(minutes=4) < raised.value.retry_after <= timedelta(minutes=5)
    await later(running, 300)
    await running.control("POST", "/_stockx/limits", {"items": 49_999})
    with pytest.raises(RateLimited):
        await seller.stockx.batches.create([NewItem(variant_id=variant, amount=Decimal(1), quantity=2)])
    refused = (await running.control("GET", "/_stockx/calls"))["refused"]
    assert refused == {"items in five minutes": 1, "items a day": 1}


async def test_replicas_together_never_get_a_429(database, database_url):
    """Time is twenty times as fast: four replicas that ask as often as they may, and StockX refuses nothing."""
    limits = StockXLimits(seconds_between_requests=0.2)  # 0.05 would do, but for a busy machine, which delays requests
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(sandbox(speed=20, stockx_products=4))
        replicas = []
        for _ in range(4):
            own = await stack.enter_async_context(Database(database_url, application="replica", most=2))
            limiter = SharedRateLimiter(own, limits.rules(), max_wait=30)
            replicas.append(await stack.enter_async_context(account(made, limiter=limiter, attempts=1)))
        for replica in replicas:
            await replica.tokens.token()

        async def ask(replica: Account) -> None:
            for _ in range(4):
                await replica.stockx.catalog.product(YUGIOH)

        await asyncio.gather(*map(ask, replicas))
        told = await made.control("GET", "/_stockx/calls")
    assert (told["requests_today"], told["refused"]) == (16, {})


async def test_a_days_quota_is_shared_and_outlives_a_restart(running, database):
    limits = StockXLimits(seconds_between_requests=0.001, requests_a_day=5)
    for asked in (3, 2):
        async with account(running, limiter=SharedRateLimiter(database, limits.rules()), attempts=1) as replica:
            for _ in range(asked):
                await replica.stockx.listings.page()
    async with account(running, limiter=SharedRateLimiter(database, limits.rules()), attempts=1) as replica:
        with pytest.raises(RateLimited, match=r"stockx\.requests \(5 per 1 day") as raised:
            await replica.stockx.orders.active_page()  # another route, the same quota
    assert raised.value.status is None
    assert raised.value.retry_after is not None
    assert raised.value.retry_after <= timedelta(days=1)
    assert (await running.control("GET", "/_stockx/calls"))["calls"] == {"GET /selling/listings": 5}


async def test_a_429_of_stockx_stops_all_replicas(running, database):
    limits = StockXLimits(seconds_between_requests=0.001)
    fault = {"marketplace": "stockx", "path": "/v2/*", "kind": "rate_limited", "retry_after": 90, "count": 1}
    await running.control("POST", "/_faults", fault)
    async with account(running, limiter=SharedRateLimiter(database, limits.rules()), attempts=1) as one:
        with pytest.raises(RateLimited, match="answered 429"):
            await one.stockx.listings.page()
    async with account(running, limiter=SharedRateLimiter(database, limits.rules()), attempts=1) as other:
        with pytest.raises(RateLimited) as raised:
            await other.stockx.catalog.product(YUGIOH)
    assert raised.value.status is None
    assert raised.value.retry_after is not None
    assert timedelta(seconds=60) < raised.value.retry_after <= timedelta(seconds=90)


async def test_items_of_batches_are_counted_before_they_are_sent(running, database):
    limits = StockXLimits(items=100)
    ids = ["no-such-listing"] * 60
    for replica in range(2):
        allowance = SharedAllowance(database, limits.item_quotas())
        async with account(running, allowance=allowance, attempts=1) as opened:
            if replica == 0:
                await opened.stockx.batches.delete(ids)
            with pytest.raises(RateLimited, match=r"stockx\.items \(100 per") as raised:
                await opened.stockx.batches.delete(ids)
            assert raised.value.retry_after is not None
            assert timedelta(minutes=5) < raised.value.retry_after <= timedelta(minutes=6)
    left = {each.quota.name: each.remaining for each in await allowance.standings()}
    assert left == {"stockx.items": 40, "stockx.items_a_day": 50_000 - 60}
    assert (await running.control("GET", "/_stockx/calls"))["calls"] == {"POST /selling/batch/{kind}": 1}
