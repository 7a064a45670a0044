"""Standard Webhooks against the reference library, which signs independently of us."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook

from libs.marketplaces import MARKETPLACES
from libs.marketplaces.contract import Delivery, Notification
from tests.webhook_examples import RecordedHttp, example, fate

BASE = example("standard_webhooks", "invoice_paid__v1")
NOW = datetime(2026, 6, 5, 21, 44, 2, tzinfo=UTC)


def signed(secret: str, body: str, *, at: datetime = NOW, name: str = "msg_1", before: str = "") -> Delivery:
    """A delivery signed by the reference library; `before` stands in front of the signature."""
    signature = Webhook(secret).sign(name, at, body)
    headers = {
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": before + signature,
    }
    return replace(BASE.delivery, body=body.encode(), headers=headers)


def secret_of(raw: bytes) -> str:
    return "whsec_" + base64.b64encode(raw).decode()


@settings(deadline=None)
@given(
    st.binary(min_size=24, max_size=64),
    st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")) | st.integers()),
)
async def test_what_the_reference_library_signs_is_proved(raw: bytes, payload: dict[str, Any]) -> None:
    body = json.dumps({"type": "a.b", "data": payload}, ensure_ascii=False)
    outcome = await fate(BASE.verifier({"secrets": [secret_of(raw)]}), signed(secret_of(raw), body))
    assert isinstance(outcome, Notification)
    assert outcome.delivery_id == "msg_1"


@pytest.mark.parametrize(("seconds", "good"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
async def test_the_tolerance_is_five_minutes_both_ways(seconds: int, good: bool) -> None:
    secret = BASE.settings["secrets"][0]
    delivery = replace(signed(secret, '{"type":"a"}'), received=(NOW + timedelta(seconds=seconds)).timestamp())
    assert isinstance(await fate(BASE.verifier(), delivery), Notification) is good


@pytest.mark.parametrize("before", ["v1, ", "v2,AAAA ", "v1a,AAAA ", "v1 ", "nonsense ", "v1,é "])
async def test_signatures_that_say_nothing_to_us_are_left_out(before: str) -> None:
    delivery = signed(BASE.settings["secrets"][0], '{"type":"a"}', before=before)
    if before.isascii():
        assert isinstance(await fate(BASE.verifier(), delivery), Notification)
    else:
        assert await fate(BASE.verifier(), delivery) == (401, "bad_signature")


async def test_a_list_of_signatures_is_bounded() -> None:
    delivery = signed(BASE.settings["secrets"][0], '{"type":"a"}', before="v1,AAAA " * 10)
    assert await fate(BASE.verifier(), delivery) == (401, "bad_signature")


@pytest.mark.parametrize("timestamp", ["", "1.5", "-1", "+1", " 1", "1e9", "١", "9" * 13, "now"])
async def test_a_timestamp_is_whole_seconds(timestamp: str) -> None:
    delivery = signed(BASE.settings["secrets"][0], '{"type":"a"}')
    delivery = replace(delivery, headers={**delivery.headers, "webhook-timestamp": timestamp})
    assert await fate(BASE.verifier(), delivery) == (401, "bad_signature")


async def test_the_key_that_fits_tells_the_account() -> None:
    entry = MARKETPLACES["standard_webhooks"]
    secrets = {name: secret_of(name.encode() * 32) for name in "ab"}
    accounts = [
        entry.account_settings.model_validate({"account": name, "secrets": [secret]})
        for name, secret in secrets.items()
    ]
    verifier = entry.verifier(accounts, RecordedHttp())
    outcome = await fate(verifier, signed(secrets["b"], '{"type":"a"}'))
    assert isinstance(outcome, Notification)
    assert outcome.account == "b"
    other = replace(signed(secrets["b"], '{"type":"a"}'), account="a")
    assert await fate(verifier, other) == (401, "bad_signature")


@pytest.mark.parametrize(
    ("body", "topic", "subject"),
    [
        ('{"type":"order.paid","data":{"id":7}}', "order.paid", "order:7"),
        ('{"type":"order.paid","data":{"id":true}}', "order.paid", "order"),
        ('{"type":"order.paid","data":[]}', "order.paid", "order"),
        ("{}", "message", "message"),
    ],
)
async def test_the_topic_and_the_subject(body: str, topic: str, subject: str) -> None:
    outcome = await fate(BASE.verifier(), signed(BASE.settings["secrets"][0], body))
    assert isinstance(outcome, Notification)
    assert (outcome.topic, outcome.subject) == (topic, subject)


@pytest.mark.parametrize("body", ["[]", "not JSON", '{"type":null}', '{"type":"a","type":"b"}'])
async def test_a_proved_body_must_still_be_readable(body: str) -> None:
    assert await fate(BASE.verifier(), signed(BASE.settings["secrets"][0], body)) == (400, "bad_payload")


@pytest.mark.parametrize(
    "settings",
    [
        {"secrets": []},
        {"secrets": ["whsec_"]},
        {"secrets": ["whsec_not base64"]},
        {"secrets": [secret_of(b"x" * 23)]},
        {"secrets": [secret_of(b"x" * 65)]},
        {"public_keys": ["whpk_AAAA"]},
        {"public_keys": [base64.b64encode(b"x" * 32).decode()]},
        {"tolerance": 0},
    ],
)
def test_settings_that_would_prove_nothing_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BASE.verifier(settings)
