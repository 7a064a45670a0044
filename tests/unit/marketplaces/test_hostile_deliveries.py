"""Whatever strangers send: no marketplace's verifier raises anything but Refused."""

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.marketplaces import MARKETPLACES
from libs.marketplaces.contract import Delivery, Notification
from tests.webhook_examples import Example, examples, fate

TAKEN = {name: next(one for one in examples(name) if one.notification) for name in MARKETPLACES}

_TEXT = st.text(max_size=60)
_NAMES = st.sampled_from(
    [
        *("_id", "id", "topic", "resource", "user_id", "application_id", "sent"),
        *("type", "action", "data", "event_id", "merchant_id", "object", "inventory_counts", "inventory_item_id"),
        *("metadata", "notification", "notificationId", "orderId"),
    ]
)
_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=8,
)
_PAYLOAD = st.dictionaries(_NAMES, _VALUE, max_size=8)


def _asked(name: str, delivery: Delivery) -> Notification | tuple[int, str]:
    return asyncio.run(fate(TAKEN[name].verifier(), delivery))


@pytest.mark.parametrize("name", MARKETPLACES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_random_bytes_and_headers_are_refused(name: str, data: st.DataObject) -> None:
    headers = TAKEN[name].verifier().contract.kept_headers
    delivery = Delivery(
        body=data.draw(st.binary(max_size=100)),
        headers=data.draw(st.dictionaries(st.sampled_from(headers), _TEXT)) if headers else {},
        query=data.draw(st.dictionaries(st.sampled_from(["data.id", "id", "type"]), _TEXT)),
        account=data.draw(st.none() | _TEXT),
        secret=data.draw(st.none() | _TEXT),
        received=time.time(),
    )
    outcome = _asked(name, delivery)
    assert not isinstance(outcome, Notification)
    assert outcome[0] in {400, 401, 404}


@pytest.mark.parametrize("name", MARKETPLACES)
@settings(max_examples=60, deadline=None)
@given(payload=_PAYLOAD)
def test_odd_payloads_have_a_fate(name: str, payload: dict[str, Any]) -> None:
    """The proof is broken by the new body, except where there is none: those payloads are read."""
    example = TAKEN[name]
    told = {**json.loads(example.delivery.body), **payload}
    body = json.dumps(told).encode()
    outcome = _asked(name, replace(example.delivery, body=body))
    if isinstance(outcome, Notification):
        assert all(text.isprintable() for text in (outcome.delivery_id, outcome.topic, outcome.subject))
        assert len(outcome.delivery_id) <= 256
        assert len(outcome.topic) <= 256
        assert len(outcome.subject) <= 400
    else:
        assert outcome[0] in {400, 401, 404}


@pytest.mark.parametrize("example", [one for one in TAKEN.values() if "body" in one.signed], ids=str)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_changed_byte_of_a_signed_body_is_refused(example: Example, data: st.DataObject) -> None:
    body = example.delivery.body
    place = data.draw(st.integers(0, len(body) - 1))
    changed = body[:place] + bytes([body[place] ^ data.draw(st.integers(1, 255))]) + body[place + 1 :]
    assert _asked(example.marketplace, replace(example.delivery, body=changed)) == (401, "bad_signature")


@pytest.mark.parametrize("example", TAKEN.values(), ids=str)
@pytest.mark.parametrize("value", ["", " ", "\x00", "A" * 100_000, "é", "\ud800", "=" * 44, "v1,", ",", "ts=1,v1="])
async def test_absurd_proofs_are_refused(example: Example, value: str) -> None:
    for part in example.signed:
        where, _, name = part.partition(".")
        if where == "headers":
            delivery = replace(example.delivery, headers={**example.delivery.headers, name: value})
            outcome = await fate(example.verifier(), delivery)
            assert outcome == (401, "bad_signature"), f"{name}: {value[:20]!r}"
