"""From a record to a fact in its latest version, or to a plain sentence about why not."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from schemas.envelope import Envelope
from schemas.event import EventFamily, Fact
from schemas.orders.order_changed import EVENT, OrderChangedV1, OrderChangedV2
from schemas.registry import (
    BY_TYPE,
    FutureVersion,
    InvalidData,
    UnknownEvent,
    UnreadableEvent,
    read_fact,
    version_of_type,
)

ENVELOPE = Envelope(
    "1", "/test", EVENT.type(2), datetime(2026, 1, 1, tzinfo=UTC), "mercadolibre:7", EVENT.dataschema(2)
)
ORDER = {
    "marketplace": "mercadolibre",
    "account": "1",
    "order_id": "7",
    "status": "paid",
    "marketplace_status": "paid",
    "placed_at": "2026-01-01T00:00:00.000000Z",
    "updated_at": "2026-01-01T00:00:00.000000Z",
    "lines": [],
}


def _read(data: object, version: int = 2) -> Fact:
    return read_fact(replace(ENVELOPE, type=EVENT.type(version)), json.dumps(data).encode())


def test_a_fact_of_the_latest_version_is_read() -> None:
    fact = _read({**ORDER, "total": {"amount": "10.50", "currency": "BRL"}, "buyer": {"id": "9"}})
    assert isinstance(fact, OrderChangedV2)
    assert fact.key() == "mercadolibre:7"


def test_a_fact_of_an_old_version_is_carried_to_the_latest() -> None:
    fact = _read({**ORDER, "total": "10.50", "currency": "BRL", "buyer_id": "9", "buyer_nickname": "N"}, version=1)
    assert isinstance(fact, OrderChangedV2)
    assert (fact.total.amount, fact.total.currency) == (Decimal("10.50"), "BRL")
    assert (fact.buyer.id, fact.buyer.nickname) == ("9", "N")


@given(
    total=st.decimals(-(10**9), 10**9, places=2),
    status=st.sampled_from(sorted(OrderChangedV1.model_json_schema()["$defs"]["OrderStatus"]["enum"])),
    nickname=st.none() | st.text(),
    raw=st.dictionaries(st.text(), st.integers() | st.text() | st.none()),
)
def test_every_old_order_can_be_carried(total: Decimal, status: str, nickname: str | None, raw: dict[str, Any]) -> None:
    old = {**ORDER, "status": status, "total": str(total), "currency": "BRL", "buyer_id": "9"}
    fact = _read({**old, "buyer_nickname": nickname, "raw": raw}, version=1)
    assert isinstance(fact, OrderChangedV2)
    assert (fact.total.amount, fact.status, fact.buyer.nickname, fact.raw) == (total, status, nickname, raw)


@pytest.mark.parametrize("ce_type", BY_TYPE)
def test_every_type_leads_to_its_version(ce_type: str) -> None:
    assert version_of_type(ce_type).type == ce_type


@pytest.mark.parametrize("number", ["3", "10", "999999999"])
def test_a_newer_version_says_to_upgrade(number: str) -> None:
    with pytest.raises(FutureVersion, match=r"knows order\.changed up to v2\. Upgrade this service"):
        version_of_type(f"sellstream.order.changed.v{number}")


@pytest.mark.parametrize(
    "ce_type",
    [
        "",
        "sellstream.order.changed",
        "sellstream.order.changed.v",
        "sellstream.order.changed.v0",
        "sellstream.order.changed.v02",
        "sellstream.order.changed.v²",
        "sellstream.order.changed.v" + "9" * 5000,
        "order.changed.v2",
        "com.example.order.changed.v2",
        "sellstream.order.placed.v1",
    ],
)
def test_what_is_no_event_of_ours_is_unknown(ce_type: str) -> None:
    with pytest.raises(UnknownEvent):
        version_of_type(ce_type)


@given(
    ce_type=st.text() | st.text().map(lambda rest: f"sellstream.order.changed.v{rest}"), value=st.none() | st.binary()
)
def test_any_record_is_read_or_called_unreadable(ce_type: str, value: bytes | None) -> None:
    with pytest.raises(UnreadableEvent):
        read_fact(replace(ENVELOPE, type=ce_type), value)


@pytest.mark.parametrize("value", [None, b"", b"null", b"[]", b"{}", b"{", b"\xff", b'"x"', b"[" * 5000])
def test_data_of_another_shape_is_invalid(value: bytes | None) -> None:
    with pytest.raises(InvalidData):
        read_fact(ENVELOPE, value)


def test_the_sentence_names_fields_and_never_repeats_the_data() -> None:
    secret = "Ana Souza, Rua das Flores 100"
    with pytest.raises(InvalidData) as caught:
        _read({**ORDER, "total": {"amount": secret, "currency": secret}, "buyer": secret, "status": secret})
    assert "total.amount" in str(caught.value)
    assert "more)" in str(caught.value)
    assert secret not in str(caught.value)


class _V1(Fact):
    a: int


class _V2(Fact):
    a: int


@pytest.mark.parametrize(
    ("versions", "upcasters"),
    [({2: _V1}, {}), ({1: _V1, 3: _V2}, {1: _V2}), ({1: _V1, 2: _V2}, {}), ({1: _V1}, {1: _V2})],
)
def test_a_family_without_gaps_is_required(versions: dict[int, type[Fact]], upcasters: dict[int, Any]) -> None:
    with pytest.raises(ValueError, match="event x"):
        EventFamily("x", "t", versions, upcasters)


def test_facts_are_immutable_and_open() -> None:
    for version in BY_TYPE.values():
        assert issubclass(version.model, BaseModel)
        assert version.model.model_config["frozen"]
        assert version.model.model_config["extra"] == "ignore"
