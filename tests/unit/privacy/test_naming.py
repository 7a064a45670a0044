"""Which records name somebody: ids as whole words, in any case, at their own marketplace."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.bus.dead_letter import Copy
from libs.privacy.naming import Names

NAMES = Names(
    ["ebay:Jane_Doe", "ebay:order/12-34567-89012", "mercadolibre:4242", "ebay:mary ann", "catalog:marketplace_order/7"]
)


def record(value: object = "", key: str = "k", **headers: str) -> Copy:
    body = value if isinstance(value, str) else json.dumps(value)
    told = [(name, text.encode()) for name, text in headers.items()]
    return Copy("webhooks", 0, 0, 0, key.encode(), body.encode(), told)


@pytest.mark.parametrize(
    "named",
    [
        record({"buyer": {"username": "jane_doe"}}, ce_marketplace="ebay"),
        record({"text": "a parcel for JANE_DOE."}),
        record({"orderId": "12-34567-89012"}),
        record({"resource": "/order/12-34567-89012?full=1"}),
        record(key="ebay:main:user:jane_doe"),
        record(ce_subject="ebay:main:user:jane_doe"),
        record({"user_id": 4242}, ce_marketplace="mercadolibre"),
        record({"username": "Mary Ann"}, ce_marketplace="ebay"),
    ],
)
def test_it_names_them(named: Copy) -> None:
    assert NAMES.stand_in(named)


@pytest.mark.parametrize(
    "other",
    [
        record({"buyer": {"username": "jane_doe2"}}),
        record({"buyer": {"username": "old_jane_doe"}}),
        record({"user_id": 14242}, ce_marketplace="mercadolibre"),
        record({"user_id": 4242}, ce_marketplace="square"),
        record({"text": "mary anne"[:6]}),
        record({"row": 7}),
        Copy("webhooks", 0, 0, 0, None, None, []),
        record("\udcff".encode("utf-8", "surrogateescape").decode("latin-1")),
    ],
)
def test_it_names_somebody_else_or_nobody(other: Copy) -> None:
    assert not NAMES.stand_in(other)


def test_nobody_has_no_names() -> None:
    assert not Names([])
    assert not Names(["catalog:message_ticket/1"])
    assert Names(["ebay:x"])


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
        lambda name: name.strip() == name and "/" not in name
    )
)
def test_whatever_somebody_is_called_is_found_in_json(name: str) -> None:
    names = Names([f"ebay:{name}"])
    assert names.stand_in(record({"buyer": name}))
    assert names.stand_in(Copy("t", 0, 0, 0, None, json.dumps([name], ensure_ascii=False).encode(), []))
