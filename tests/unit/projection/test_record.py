"""From a record to a located fact, or to the reason why it is none."""

from dataclasses import replace

import pytest

from libs.bus.dead_letter import DeadLetter, annotated
from libs.bus.message import REDRIVE_TO
from libs.bus.outcome import ErrorClass
from libs.bus.replay import HEADER
from libs.projection.record import Located, Unreadable, locate
from schemas.event import Fact
from schemas.orders.order_changed import OrderChangedV2
from services.ops.replay import headers_of
from tests.facts import order, order_v1
from tests.logs import LogRecord, record


def with_headers(of: LogRecord, **changes: bytes) -> LogRecord:
    return replace(of, headers=[(name, changes.get(name, value)) for name, value in of.headers])


def read(one: LogRecord) -> Located | Unreadable | None:
    return locate(one, "orders", "projector")


def fact_of(one: LogRecord) -> Fact:
    found = read(one)
    assert isinstance(found, Located)
    return found.fact


def test_a_fact_knows_where_it_stands() -> None:
    found = read(record(order(7), offset=12, event_id="e", partition=3))
    assert isinstance(found, Located)
    assert found.key == "mercadolibre:7"
    position = found.position
    assert (position.topic, position.partition, position.offset, position.event_id) == ("orders", 3, 12, "e")


def test_an_older_version_arrives_as_the_latest() -> None:
    fact = fact_of(record(order_v1(7)))
    assert isinstance(fact, OrderChangedV2)
    assert fact.buyer.nickname == "VIEJO"


@pytest.mark.parametrize(
    ("broken", "error_class"),
    [
        (replace(record(order(1)), headers=[]), ErrorClass.POISON),
        (replace(record(order(1)), value=b"{"), ErrorClass.POISON),
        (replace(record(order(1)), value=None), ErrorClass.POISON),
        (with_headers(record(order(1)), ce_type=b"sellstream.order.changed.v9"), ErrorClass.CONTRACT),
        (with_headers(record(order(1)), ce_type=b"sellstream.parcel.lost.v1"), ErrorClass.CONTRACT),
        (with_headers(record(order(1)), ce_id=b"a\0b"), ErrorClass.POISON),
        (record(order("1" * 2_000)), ErrorClass.POISON),
    ],
    ids=["no envelope", "no JSON", "no value", "future version", "unknown event", "NUL in the id", "endless key"],
)
def test_what_is_no_fact_has_a_reason(broken: LogRecord, error_class: ErrorClass) -> None:
    found = read(broken)
    assert isinstance(found, Unreadable)
    assert found.error_class is error_class
    assert str(found.error)


@pytest.mark.parametrize(
    ("title", "stored"),
    [
        ("a\0b\0", "a\ufffdb\ufffd"),
        ("a\\u0000b", "a\\u0000b"),
        ("a\\\0b", "a\\\ufffdb"),
        ("\0\0", "\ufffd\ufffd"),
    ],
    ids=["NUL", "the six characters", "NUL behind a backslash", "two"],
)
def test_what_postgresql_cannot_hold_is_replaced(title: str, stored: str) -> None:
    fact = fact_of(record(order(1, title=title)))
    assert isinstance(fact, OrderChangedV2)
    assert fact.lines[0].title == stored


def test_a_replays_copy_is_no_fact_and_a_retry_is_one_whatever_marks_it_carries() -> None:
    one = record(order(1), offset=5)
    copy = replace(one, headers=headers_of(one, "projector", "r1"))
    followed = replace(one, headers=[*one.headers, (HEADER, b"r1")])
    assert read(copy) is None
    assert isinstance(read(followed), Located), "it has followed from a replay, and is new"
    for failed in (one, followed, copy):
        marked = annotated(failed, "orders", "projector", ValueError(), ErrorClass.CONTRACT, 1, "projector-orders")
        retry = replace(one, headers=DeadLetter.of(replace(failed, headers=marked), "projector").headers_for_retry())
        assert isinstance(read(retry), Located)
    unreadable = replace(copy, value=b"{")
    assert read(unreadable) is None, "the original has its dead letter"


def test_a_retried_dead_letter_is_for_the_one_who_failed() -> None:
    one = record(order(1))
    others = replace(one, headers=[*one.headers, (REDRIVE_TO, b"pricing")])
    ours = replace(one, headers=[*one.headers, (REDRIVE_TO, b"projector")])
    assert read(others) is None
    assert isinstance(read(ours), Located)
