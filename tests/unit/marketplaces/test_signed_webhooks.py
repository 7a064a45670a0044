"""Square, Shopify, Mercado Pago: what the recorded deliveries do not show."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from libs.marketplaces import MARKETPLACES
from libs.marketplaces.contract import Notification
from tests.webhook_examples import Example, RecordedHttp, example, fate

SQUARE = example("square", "order_updated__first_attempt")
SHOPIFY = example("shopify", "orders_updated__first_attempt")
PAGO = example("mercado_pago", "payment__seconds")


def _hmac(key: str, message: bytes) -> bytes:
    return hmac.new(key.encode(), message, hashlib.sha256).digest()


async def square(payload: dict[str, Any], base: Example = SQUARE) -> Notification | tuple[int, str]:
    """The fate of a payload, signed with the example's first key."""
    body = json.dumps(payload).encode()
    key, url = base.settings["signature_keys"][0], base.settings["notification_url"]
    signature = base64.b64encode(_hmac(key, url.encode() + body)).decode()
    headers = {"x-square-hmacsha256-signature": signature}
    return await fate(base.verifier(), replace(base.delivery, body=body, headers=headers))


EVENT = {"merchant_id": "6SSW7HV8K2ST5", "type": "order.updated", "event_id": "e", "data": {"id": "1", "type": "x"}}


async def test_square_published_second_vector() -> None:
    """Square's Python SDK, tests/integration/test_webhooks_helper.py (MIT): proved, but no event."""
    settings = {"notification_url": "https://webhook.site/webhooks", "signature_keys": ["signature-key"]}
    headers = {"x-square-hmacsha256-signature": "Cxt7+aTi4rKgcA0bC4g9EHdVtLSDWdqccmL5MvihU4U="}
    delivery = replace(SQUARE.delivery, body=b'{"data":{"type":"webhooks","id":">id<"}}', headers=headers)
    assert await fate(SQUARE.verifier(settings), delivery) == (400, "bad_payload")


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        ({}, "6SSW7HV8K2ST5:order:1"),
        ({"type": "order.created"}, "6SSW7HV8K2ST5:order:1"),
        ({"type": "odd"}, "6SSW7HV8K2ST5:odd:1"),
        ({"data": None}, "6SSW7HV8K2ST5:order"),
        ({"data": {"id": "a\nb"}}, "6SSW7HV8K2ST5:order"),
        ({"type": "catalog.version.updated"}, "6SSW7HV8K2ST5:catalog.version"),
        ({"type": "inventory.count.updated"}, "6SSW7HV8K2ST5:inventory.count"),
        (
            {
                "type": "inventory.count.updated",
                "data": {"object": {"inventory_counts": [{"catalog_object_id": "A"}, {"catalog_object_id": "B"}]}},
            },
            "6SSW7HV8K2ST5:inventory.count",
        ),
    ],
)
async def test_square_events_about_one_entity_have_one_subject(change: dict[str, Any], subject: str) -> None:
    outcome = await square({**EVENT, **change})
    assert isinstance(outcome, Notification)
    assert outcome.subject == subject


@pytest.mark.parametrize("missing", ["merchant_id", "type", "event_id"])
async def test_square_events_must_be_named(missing: str) -> None:
    assert await square({**EVENT, missing: None}) == (400, "bad_payload")


async def test_square_accounts_with_one_subscription_are_told_apart_by_merchant() -> None:
    entry = MARKETPLACES["square"]
    accounts = [
        entry.account_settings.model_validate({**SQUARE.settings, "account": name, "merchant_ids": [merchant]})
        for name, merchant in [("a", "OTHER"), ("b", "6SSW7HV8K2ST5")]
    ]
    outcome = await fate(entry.verifier(accounts, RecordedHttp()), SQUARE.delivery)
    assert isinstance(outcome, Notification)
    assert outcome.account == "b"


@pytest.mark.parametrize("header", ["x-shopify-webhook-id", "x-shopify-topic", "x-shopify-shop-domain"])
async def test_shopify_deliveries_must_be_named(header: str) -> None:
    headers = {name: value for name, value in SHOPIFY.delivery.headers.items() if name != header}
    assert await fate(SHOPIFY.verifier(), replace(SHOPIFY.delivery, headers=headers)) == (400, "bad_payload")


async def test_shopify_old_secrets_are_good_while_they_are_configured() -> None:
    both = {"secrets": ["made-up-new-secret", "made-up-app-secret"]}
    assert await fate(SHOPIFY.verifier(both), SHOPIFY.delivery) == SHOPIFY.notification
    assert await fate(SHOPIFY.verifier({"secrets": ["made-up-new-secret"]}), SHOPIFY.delivery) == (401, "bad_signature")


async def test_shopify_body_that_is_proved_must_still_be_an_object() -> None:
    headers = {
        **SHOPIFY.delivery.headers,
        "x-shopify-hmac-sha256": base64.b64encode(_hmac("made-up-app-secret", b"[]")).decode(),
    }
    delivery = replace(SHOPIFY.delivery, body=b"[]", headers=headers)
    assert await fate(SHOPIFY.verifier(), delivery) == (400, "bad_payload")


@pytest.mark.parametrize("seconds", [-86_400, 300])
async def test_pago_signatures_within_the_tolerance_are_good(seconds: int) -> None:
    signed_at = datetime.fromisoformat("2026-06-05T21:44:02+00:00")
    delivery = replace(PAGO.delivery, received=(signed_at - timedelta(seconds=seconds)).timestamp())
    assert await fate(PAGO.verifier(), delivery) == PAGO.notification
    beyond = timedelta(seconds=1 if seconds < 0 else -1)
    delivery = replace(delivery, received=(delivery.received_at + beyond).timestamp())
    assert await fate(PAGO.verifier(), delivery) == (401, "bad_signature")
    longer = {"tolerance": "P2D"}
    assert (await fate(PAGO.verifier(longer), delivery) == PAGO.notification) is (seconds < 0)


async def test_pago_headers_may_be_in_any_order_and_spaced() -> None:
    ts, v1 = PAGO.delivery.headers["x-signature"].split(",")
    headers = {**PAGO.delivery.headers, "x-signature": f"{v1}, {ts}"}
    assert await fate(PAGO.verifier(), replace(PAGO.delivery, headers=headers)) == PAGO.notification


@pytest.mark.parametrize(
    "header", ["ts=1,ts=1,v1=a", "ts=1", "v1=a", "ts=x,v1=a", "ts=1.5,v1=a", "ts=" + "1" * 14 + ",v1=a"]
)
async def test_pago_headers_that_say_no_time_or_proof_are_refused(header: str) -> None:
    headers = {**PAGO.delivery.headers, "x-signature": header}
    assert await fate(PAGO.verifier(), replace(PAGO.delivery, headers=headers)) == (401, "bad_signature")


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"user_id": 5}, (404, "unknown_account")),
        ({"user_id": "x"}, (400, "bad_payload")),
        ({"user_id": None}, (400, "bad_payload")),
        ({"type": None}, (400, "bad_payload")),
        ({"data": None}, (400, "bad_payload")),
        ({"data": {"id": None}}, (400, "bad_payload")),
        ({"id": []}, (400, "bad_payload")),
    ],
)
async def test_pago_bodies_are_hints_but_must_fit(change: dict[str, Any], refusal: tuple[int, str]) -> None:
    body = json.dumps({**json.loads(PAGO.delivery.body), **change}).encode()
    assert await fate(PAGO.verifier(), replace(PAGO.delivery, body=body)) == refusal


async def test_pago_notifications_without_an_id_are_told_apart_by_what_changed_and_when() -> None:
    found = set()
    base = json.loads(PAGO.delivery.body) | {"id": None}
    for change in ({}, {"action": "payment.created"}, {"date_created": "2026-06-05T18:00:00Z"}, {"date_created": None}):
        delivery = replace(PAGO.delivery, body=json.dumps(base | change).encode())
        outcome = await fate(PAGO.verifier(), delivery)
        assert outcome == await fate(PAGO.verifier(), delivery)
        assert isinstance(outcome, Notification)
        found.add(outcome.delivery_id)
    assert len(found) == 4


@pytest.mark.parametrize(
    ("base", "settings"),
    [
        (SQUARE, {"signature_keys": []}),
        (SQUARE, {"signature_keys": [""]}),
        (SQUARE, {"notification_url": ""}),
        (SQUARE, {"notification_url": "shop.example/webhooks"}),
        (SQUARE, {"merchant_ids": []}),
        (SHOPIFY, {"secrets": []}),
        (SHOPIFY, {"secrets": [""]}),
        (SHOPIFY, {"shop_domain": "shoes.example"}),
        (PAGO, {"secrets": []}),
        (PAGO, {"user_ids": []}),
        (PAGO, {"tolerance": 0}),
    ],
)
def test_settings_that_would_prove_nothing_are_refused(base: Example, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        base.verifier(settings)
