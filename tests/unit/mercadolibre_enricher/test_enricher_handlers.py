"""Every input of the enricher has a named fate; a state is published once, whole, and never backwards."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.bus.message import Received
from libs.bus.outcome import ErrorClass, Ignore, Reject, Retry, Wait
from libs.http.client import ApiClient, ApiSettings
from libs.marketplaces.mercadolibre.client import MISSING, MercadoLibre, NotOurs
from libs.marketplaces.mercadolibre.resources import Kind, Resource
from schemas.envelope import Envelope
from schemas.registry import BY_MODEL
from schemas.webhooks.webhook_received import WebhookReceivedV1
from services.mercadolibre_enricher.handlers import HANDLERS, IGNORED, Deps, on_webhooks
from tests.mercadolibre_double import SELLER, MercadoLibreDouble, mercadolibre_double

ORDER = "/orders/2000016796107000"
NOW = datetime(2026, 6, 5, 22, tzinfo=UTC)
LONG_AGO = NOW - timedelta(minutes=5)


class Tokens:
    """The account's token as the double expects it."""

    def __init__(self, double: MercadoLibreDouble) -> None:
        self.double = double
        self.refreshed = 0

    async def token(self) -> str:
        return self.double.access

    async def refresh(self, rejected: str) -> str:
        self.refreshed += 1
        return self.double.access


@dataclass
class Enricher:
    """The handler with its double of MercadoLibre."""

    double: MercadoLibreDouble
    deps: Deps
    tokens: Tokens
    count: int = 0

    def notice(
        self,
        topic: str = "orders_v2",
        resource: str | None = ORDER,
        *,
        at: datetime = LONG_AGO,
        account: str = "acme",
        marketplace: str = "mercadolibre",
        body: dict[str, Any] | None = None,
    ) -> Received:
        self.count += 1
        fact = WebhookReceivedV1(
            marketplace=marketplace,
            account=account,
            delivery_id=f"d{self.count}",
            notification_topic=topic,
            resource=resource,
            subject=f"{marketplace}:{account}:{resource}",
            body=json.dumps(body or {"topic": topic, "resource": resource, "user_id": int(SELLER)}).encode(),
        )
        version = BY_MODEL[WebhookReceivedV1]
        envelope = Envelope(
            id=f"e{self.count}",
            source="/sellstream/tests",
            type=version.type,
            time=at,
            subject=fact.key(),
            dataschema=version.dataschema,
        )
        return Received(_Nowhere(), envelope, fact)

    async def __call__(self, *notices: Received):
        return await on_webhooks(notices, self.deps)


class _Nowhere:
    """A record that the handler does not look at."""

    topic, partition, offset, key, value, headers, timestamp = "webhooks", 0, 0, b"", b"", (), 0


@pytest.fixture
async def enricher() -> AsyncIterator[Enricher]:
    async with AsyncExitStack() as stack:
        double = await stack.enter_async_context(mercadolibre_double())
        settings = ApiSettings(
            base_url=double.base_url, attempts=1, circuit_failures=5, timeout_seconds=5, max_answer_bytes=100_000
        )
        api = await stack.enter_async_context(ApiClient("mercadolibre", settings))
        tokens = Tokens(double)
        deps = Deps({"acme": MercadoLibre(api, tokens, SELLER)}, now=lambda: NOW)
        yield Enricher(double, deps, tokens)


@pytest.mark.parametrize(
    ("topic", "resource", "key"),
    [
        ("orders_v2", ORDER, "mercadolibre:2000016796107000"),
        ("orders_v2", "orders/2000016796107000", "mercadolibre:2000016796107000"),
        ("shipments", "/shipments/43210001234", "mercadolibre:43210001234"),
        ("questions", "/questions/13066000001", "mercadolibre:13066000001"),
        ("payments", "/collections/162718340000", "mercadolibre:162718340000"),
        ("payments", "/payments/162718340000", "mercadolibre:162718340000"),
        ("items", "/items/MLB4739200000", "mercadolibre:MLB4739200000"),
        ("messages", "fd1d2e37ad004ede9e0bf25d1215002d", "mercadolibre:fd1d2e37ad004ede9e0bf25d1215002d"),
        ("post_purchase", "post-purchase/v1/claims/5255026166", "mercadolibre:5255026166"),
        ("claims", "/v1/claims/5255026166", "mercadolibre:5255026166"),
        ("claims_actions", "/post-purchase/v1/claims/5255026166", "mercadolibre:5255026166"),
        ("orders feedback", f"{ORDER}/feedback", "mercadolibre:2000016796107000"),
        ("invoices", "/users/1/invoices/1377978", "mercadolibre:1377978"),  # whoever is named: asked for as our own
    ],
)
async def test_a_notification_becomes_the_state_of_its_resource(enricher, topic, resource, key):
    (outgoing,) = await enricher(enricher.notice(topic, resource))
    assert outgoing.fact.key() == key
    assert outgoing.fact.account == "acme"
    assert outgoing.id is not None


async def test_five_notifications_at_once_cost_one_fetch_and_one_fact(enricher):
    facts = await enricher(*(enricher.notice() for _ in range(5)))
    assert len(facts) == 1
    assert enricher.double.requests[ORDER] == 1


@pytest.mark.parametrize("told", [ORDER, ORDER[1:], "2000016796107000", 2000016796107000])
async def test_a_resource_that_only_the_body_tells_is_found(enricher, told):
    body = {"topic": "orders_v2", "resource": told, "user_id": SELLER, "recieved": "2026-06-05T21:44:01.464Z"}
    (outgoing,) = await enricher(enricher.notice(resource=None, body=body))
    assert outgoing.fact.order_id == "2000016796107000"


async def test_a_repeated_notification_publishes_nothing_new(enricher):
    assert await enricher(enricher.notice())
    with pytest.raises(Ignore, match="just published"):
        await enricher(enricher.notice())


async def test_the_same_messages_again_publish_the_same_fact_again(enricher):
    notice = enricher.notice()
    (first,) = await enricher(notice)
    (again,) = await enricher(notice, enricher.notice())
    assert again.id == first.id


async def test_an_older_state_is_not_published_after_a_newer_one(enricher):
    await enricher(enricher.notice())
    enricher.double.things[ORDER]["last_updated"] = "2026-06-05T17:40:00.000-04:00"
    enricher.double.things[ORDER]["status"] = "confirmed"
    with pytest.raises(Ignore, match="newer state"):
        await enricher(enricher.notice())
    enricher.double.things[ORDER]["last_updated"] = "2026-06-05T17:50:00.000-04:00"
    enricher.double.things[ORDER]["status"] = "cancelled"
    (outgoing,) = await enricher(enricher.notice())
    assert outgoing.fact.marketplace_status == "cancelled"


@pytest.mark.parametrize("first", [0, 1])
async def test_an_order_and_its_feedback_are_two_things_though_they_have_one_number(enricher, first):
    told = (("orders_v2", ORDER), ("orders_feedback", f"{ORDER}/feedback"))
    newer, older = told[first], told[1 - first]
    (one,) = await enricher(enricher.notice(*newer))
    enricher.double.things = {
        path: json.loads(re.sub(r"20\d\d-\d\d-\d\dT", "2001-01-01T", json.dumps(answer)))
        for path, answer in enricher.double.things.items()
    }
    (other,) = await enricher(enricher.notice(*older))
    assert one.fact.key() == other.fact.key()
    assert one.fact.updated_at > other.fact.updated_at


async def test_what_does_not_exist_is_looked_at_again_while_the_hint_is_young(enricher):
    notice = enricher.notice(resource="/orders/1", at=NOW - timedelta(seconds=4))
    with pytest.raises(Retry) as raised:
        await enricher(notice)
    assert raised.value.after == timedelta(seconds=6)


async def test_what_does_not_exist_is_ignored(enricher):
    with pytest.raises(Ignore, match="gone, or the hint was false"):
        await enricher(enricher.notice(resource="/orders/1"))


async def test_feedback_that_nobody_gave_yet_is_looked_at_again_and_then_ignored(enricher):
    enricher.double.things[f"{ORDER}/feedback"] = {"sale": None, "purchase": None}
    with pytest.raises(Retry):
        await enricher(enricher.notice("orders_feedback", f"{ORDER}/feedback", at=NOW))
    with pytest.raises(Ignore, match="none yet"):
        await enricher(enricher.notice("orders_feedback", f"{ORDER}/feedback"))


async def test_a_401_that_stays_waits_for_a_person(enricher):
    enricher.double.fail(ORDER, 401, times=2)
    with pytest.raises(Wait, match="Authorise the account again"):
        await enricher(enricher.notice())
    assert enricher.tokens.refreshed == 1


async def test_a_401_once_is_no_matter(enricher):
    enricher.double.fail(ORDER, 401)
    assert len(await enricher(enricher.notice())) == 1


BLOCKED = '{"message": "At least one policy returned UNAUTHORIZED.", "code": "PA_UNAUTHORIZED_RESULT_FROM_POLICIES", "status": 403, "blocked_by": "PolicyAgent"}'  # noqa: E501  (as captured)


async def test_a_block_is_tried_again_and_then_dead_lettered_as_policy(enricher):
    enricher.double.fail(ORDER, 403, BLOCKED)
    with pytest.raises(Retry, match="PolicyAgent") as raised:
        await enricher(enricher.notice())
    assert raised.value.error_class is ErrorClass.POLICY


async def test_an_item_of_somebody_else_is_rejected(enricher):
    enricher.double.fail("/items/MLB1", 403, '{"message": "x", "error": "access_denied", "status": 403}')
    with pytest.raises(Reject) as raised:
        await enricher(enricher.notice("items", "/items/MLB1"))
    assert raised.value.error_class is ErrorClass.POLICY


async def test_an_order_of_another_seller_is_rejected(enricher):
    enricher.double.things[ORDER]["seller"]["id"] = 99
    with pytest.raises(Reject, match="another user") as raised:
        await enricher(enricher.notice())
    assert raised.value.error_class is ErrorClass.POLICY


async def test_a_429_waits_as_long_as_it_asks(enricher):
    enricher.double.fail(ORDER, 429, "local_rate_limited", **{"Retry-After": "42"})
    with pytest.raises(Wait) as raised:
        await enricher(enricher.notice())
    assert raised.value.after == timedelta(seconds=42)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_5xx_is_tried_again(enricher, status):
    enricher.double.fail(ORDER, status)
    with pytest.raises(Retry) as raised:
        await enricher(enricher.notice())
    assert raised.value.error_class is ErrorClass.DEPENDENCY


async def test_when_it_fails_for_everyone_everyone_waits(enricher):
    enricher.double.fail(ORDER, 500, times=5)
    for _ in range(5):
        with pytest.raises(Retry):
            await enricher(enricher.notice())
    with pytest.raises(Wait) as raised:
        await enricher(enricher.notice("items", "/items/MLB4739200000"))
    assert timedelta(0) < raised.value.after <= timedelta(seconds=30)


@pytest.mark.parametrize(
    "body", ["<html>", "[]", "null", "", '{"id": 2000016796107000}', '{"id": ', '"' + "x" * 200_000]
)
async def test_garbage_is_tried_again_and_then_poison(enricher, body):
    enricher.double.fail(ORDER, 200, body)
    with pytest.raises(Retry) as raised:
        await enricher(enricher.notice())
    assert raised.value.error_class is ErrorClass.POISON


async def test_an_answer_about_another_order_is_garbage(enricher):
    enricher.double.things[ORDER]["id"] = 5
    with pytest.raises(Retry, match="another one") as raised:
        await enricher(enricher.notice())
    assert raised.value.error_class is ErrorClass.POISON


async def test_a_currency_that_is_none_is_poison_and_says_nothing_personal(enricher):
    enricher.double.things[ORDER]["currency_id"] = "reais"
    with pytest.raises(Retry, match="currency") as raised:
        await enricher(enricher.notice())
    assert raised.value.error_class is ErrorClass.POISON
    assert "Ana" not in str(raised.value)


async def test_an_id_that_is_refused_is_a_broken_contract(enricher):
    enricher.double.fail("/orders/7", 400, '{"message": "x", "error": "invalid_order_id", "status": 400}')
    with pytest.raises(Reject, match="invalid_order_id") as raised:
        await enricher(enricher.notice(resource="/orders/7"))
    assert raised.value.error_class is ErrorClass.CONTRACT


async def test_a_clock_that_is_ahead_makes_nobody_wait_for_longer(enricher):
    """The gateway's clock was an hour ahead when the notification came; the answer is partial."""
    enricher.double.fail(ORDER, 206, json.dumps(enricher.double.things[ORDER]), **{MISSING: "shipping"})
    with pytest.raises(Retry, match="shipping") as raised:
        await enricher(enricher.notice(at=NOW + timedelta(hours=1)))
    assert raised.value.after == enricher.deps.settle


async def test_a_partial_answer_is_looked_at_again_and_then_marked(enricher):
    whole = json.dumps(enricher.double.things[ORDER])
    enricher.double.fail(ORDER, 206, whole, times=2, **{MISSING: "shipping, buyer.phone"})
    with pytest.raises(Retry, match="shipping"):
        await enricher(enricher.notice(at=NOW))
    (outgoing,) = await enricher(enricher.notice())
    assert outgoing.fact.raw[MISSING] == ["shipping", "buyer.phone"]


async def test_a_partial_answer_does_not_replace_a_whole_one_of_the_same_state(enricher):
    await enricher(enricher.notice())
    enricher.double.fail(ORDER, 206, json.dumps(enricher.double.things[ORDER]), **{MISSING: "shipping"})
    with pytest.raises(Ignore, match="partial"):
        await enricher(enricher.notice())


@pytest.mark.parametrize("topic", sorted(IGNORED))
async def test_a_topic_that_is_not_kept_is_ignored_by_name(enricher, topic):
    with pytest.raises(Ignore, match=topic):
        await enricher(enricher.notice(topic.replace("_", " "), None))
    assert not enricher.double.requests


async def test_an_unknown_topic_is_a_broken_contract(enricher):
    with pytest.raises(Reject, match="brand_new") as raised:
        await enricher(enricher.notice("brand_new"))
    assert raised.value.error_class is ErrorClass.CONTRACT


async def test_other_marketplaces_are_ignored_by_name(enricher):
    with pytest.raises(Ignore, match="ebay"):
        await enricher(enricher.notice(marketplace="ebay"))


async def test_an_account_that_is_not_configured_is_rejected(enricher):
    with pytest.raises(Reject, match="MERCADOLIBRE_ENRICHER_ACCOUNTS") as raised:
        await enricher(enricher.notice(account="nobody"))
    assert raised.value.error_class is ErrorClass.POLICY


@pytest.mark.parametrize("resource", ["/users/1", "/orders/../users/me", "//evil.example/orders/1", "/orders"])
async def test_a_resource_that_points_elsewhere_is_never_asked_for(enricher, resource):
    with pytest.raises(Reject) as raised:
        await enricher(enricher.notice(resource=resource))
    assert raised.value.error_class is ErrorClass.CONTRACT
    assert not enricher.double.requests


async def test_one_key_with_ignored_and_handled_topics_gives_the_handled_fact(enricher):
    facts = await enricher(enricher.notice("items_prices", "/items/X"), enricher.notice())
    assert len(facts) == 1


async def test_fetches_at_the_same_time_do_not_disturb_each_other(enricher):
    seven = {name: enricher.double.things[ORDER] | {"id": name} for name in range(1, 8)}
    enricher.double.things |= {f"/orders/{name}": order for name, order in seven.items()}
    results = await asyncio.gather(*(enricher(enricher.notice(resource=f"/orders/{name}")) for name in seven))
    assert [facts[0].fact.order_id for facts in results] == [str(name) for name in seven]


def test_no_topic_is_both_handled_and_ignored():
    assert not set(HANDLERS) & IGNORED


async def test_the_client_says_not_ours_by_code(enricher):
    enricher.double.fail(ORDER, 400, '{"error": "caller.id.invalid"}')
    with pytest.raises(NotOurs, match=r"caller\.id\.invalid"):
        await enricher.deps.accounts["acme"].fetch(Resource(Kind.ORDER, "2000016796107000"))
