"""The judge can fail: a small run in which all is well, and one mutation for each promise, each of which is found."""

import ast
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.chaos.evidence import (
    FACTS,
    MARK,
    REDRIVE_TO,
    REPLAY,
    REPLAYED_FROM,
    Delivery,
    Evidence,
    Injected,
    LogRecord,
    State,
    Truth,
)  # fmt: skip
from tests.chaos.verdict import KINDS, digest, judge

NOON = datetime(2026, 6, 5, 12, tzinfo=UTC)
KEY = "mercadolibre:1"


def webhook(number: int) -> LogRecord:
    headers = {"ce_id": f"w{number}", "ce_subject": "7:/orders/1", "ce_deliveryid": f"d{number}"}
    return LogRecord("webhooks", 0, number, b"7:/orders/1", f'{{"n":{number}}}'.encode(), encoded(headers))


def fact(offset: int, status: str, minutes: int, event_id: str = "", amount: str = "10.00") -> LogRecord:
    value = {
        "status": status,
        "marketplace_status": status,
        "updated_at": (NOON + timedelta(minutes=minutes)).isoformat(),
        "total": {"amount": amount, "currency": "MXN"},
    }
    headers = {"ce_id": event_id or f"f{offset}", "ce_subject": KEY, "ce_causationid": "w0"}
    return LogRecord("orders", 2, offset, KEY.encode(), json.dumps(value).encode(), encoded(headers))


def encoded(headers: dict[str, str]) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value.encode()) for name, value in headers.items())


def delivery(number: int, *, state: str = "delivered") -> Delivery:
    body = digest(f'{{"n":{number - 1}}}'.encode())
    sent = NOON + timedelta(seconds=number)
    answered = sent + timedelta(milliseconds=200) if state == "delivered" else None
    return Delivery(
        number, number, "mercadolibre", "orders_v2", "/orders/1", False, state, frozenset({body}), 1, sent, answered
    )


def letter(offset: int, record: LogRecord) -> LogRecord:
    told = {"topic": record.topic, "partition": str(record.partition), "offset": str(record.offset)}
    marks = encoded({f"__connect.errors.{name}": value for name, value in told.items()})
    return LogRecord("projector-dlt", 0, offset, record.key, record.value, (*record.headers, *marks))


POISON = LogRecord("orders", 2, 2, KEY.encode(), b"\xff", encoded({"ce_subject": KEY, MARK: "m1"}))
ROW = State(
    "paid",
    "paid",
    NOON + timedelta(minutes=1),
    (("placed", "placed", NOON), ("paid", "paid", NOON + timedelta(minutes=1))),
    Decimal("10.00"),
    "MXN",
    "f1",
    2,
    1,
)


def well() -> Evidence:
    """Two deliveries, two facts about one order, one poison record with its dead letter, one row."""
    return Evidence(
        deliveries=[delivery(1), delivery(2)],
        records={
            "webhooks": [webhook(0), webhook(1)],
            "orders": [fact(0, "placed", 0), fact(1, "paid", 1), POISON],
            "projector-dlt": [letter(0, POISON)],
        },
        injected={"m1": Injected("m1", "garbage", "dead_letter", ("projector",))},
        rows={"orders": {KEY: ROW}},
        truth={"orders": {"1": Truth("paid", Decimal("10.0"))}},
    )


def with_records(evidence: Evidence, topic: str, *records: LogRecord) -> Evidence:
    return replace(evidence, records={**evidence.records, topic: list(records)})


def with_row(evidence: Evidence, row: State) -> Evidence:
    return replace(evidence, rows={"orders": {KEY: row}})


def test_a_good_run_is_acquitted() -> None:
    assert judge(well()) == []


def replayed(record: LogRecord) -> LogRecord:
    """The record once more, as `topics replay` writes it behind the others of `well`."""
    marks = encoded({REPLAY: "r1", REPLAYED_FROM: f"{record.partition}:{record.offset}", REDRIVE_TO: "projector"})
    return replace(record, offset=3, headers=(*record.headers, *marks))


EQUAL = fact(0, "placed", 1)
LATE = fact(3, "placed", 0, event_id="f0")
FOREIGN = replace(
    fact(3, "cancelled", 9), headers=(*fact(3, "cancelled", 9).headers, (MARK, b"m2"), (REDRIVE_TO, b"somebody_else"))
)

MUTATIONS: dict[str, tuple[str, Callable[[Evidence], Evidence]]] = {
    "a delivery is lost": (
        "acknowledged, but not in the topic",
        lambda good: with_records(good, "webhooks", webhook(0)),
    ),
    "a delivery is there twice": (
        "in the topic more than once",
        lambda good: with_records(good, "webhooks", webhook(0), webhook(1), replace(webhook(1), offset=2)),
    ),
    "another attempt of one delivery, with other bytes, is there too": (
        "delivery ids more than once",
        lambda good: with_records(good, "webhooks", webhook(0), webhook(1), replace(webhook(1), offset=2, value=b"x")),
    ),
    "a byte of a delivery is another": (
        "acknowledged, but not in the topic",
        lambda good: with_records(good, "webhooks", webhook(0), replace(webhook(1), value=b'{"n":2}')),
    ),
    "a webhook that nobody sent": (
        "never sent",
        lambda good: with_records(
            good, "webhooks", webhook(0), webhook(1), replace(webhook(5), offset=2, value=b'{"n":9}')
        ),
    ),
    "a fact out of nothing": (
        "without a webhook",
        lambda good: replace(
            good,
            records={**good.records, "webhooks": [webhook(1)]},
            deliveries=[delivery(2)],
        ),
    ),
    "a record was taken out of the middle": (
        "offsets are not 0, 1, 2",
        lambda good: with_records(good, "webhooks", webhook(1), replace(webhook(0), offset=2)),
    ),
    "two records changed places": (
        "offsets are not 0, 1, 2",
        lambda good: with_records(good, "webhooks", webhook(1), webhook(0)),
    ),
    "a delivery stands before one that was acknowledged before it was sent": (
        "deliveries out of order",
        lambda good: with_records(good, "webhooks", replace(webhook(1), offset=0), replace(webhook(0), offset=1)),
    ),
    "a key in two partitions": (
        "keys in more than one partition",
        lambda good: with_records(good, "webhooks", webhook(0), replace(webhook(1), partition=1, offset=0)),
    ),
    "a key that is not the subject": (
        "is not the subject",
        lambda good: with_records(good, "webhooks", webhook(0), replace(webhook(1), key=b"other")),
    ),
    "the row's status": ("not the fold", lambda good: with_row(good, replace(ROW, status="placed"))),
    "the row's amount": ("not the fold", lambda good: with_row(good, replace(ROW, amount=Decimal("10.01")))),
    "the row's time": ("not the fold", lambda good: with_row(good, replace(ROW, updated_at=NOON))),
    "the row's history": ("not the fold", lambda good: with_row(good, replace(ROW, history=ROW.history[1:]))),
    "a history entry twice": (
        "not the fold",
        lambda good: with_row(good, replace(ROW, history=(*ROW.history, ROW.history[1]))),
    ),
    "the row's place in the log": ("not the fold", lambda good: with_row(good, replace(ROW, offset=0))),
    "a row is missing": ("not the fold", lambda good: replace(good, rows={})),
    "a row too many": ("not the fold", lambda good: replace(good, rows={"orders": {KEY: ROW, "mercadolibre:2": ROW}})),
    "an old fact that came late was applied": (
        "not the fold",
        lambda good: with_row(
            with_records(good, "orders", *good.of("orders"), LATE), replace(ROW, status="placed", updated_at=NOON)
        ),
    ),
    "a replay's copy was applied": (
        "not the fold",
        lambda good: with_row(
            with_records(good, "orders", EQUAL, fact(1, "paid", 1), POISON, replayed(EQUAL)),
            replace(ROW, status="placed", marketplace_status="placed", event_id="f0", offset=3),
        ),
    ),
    "a record for another consumer was applied": (
        "not the fold",
        lambda good: with_row(
            replace(
                with_records(good, "orders", *good.of("orders"), FOREIGN),
                injected={**good.injected, "m2": Injected("m2", "for another", "passed_over", ("projector",))},
            ),
            replace(ROW, status="cancelled"),
        ),
    ),
    "the last notification was acknowledged, the row is older": (
        "not what the marketplace says",
        lambda good: replace(good, truth={"orders": {"1": Truth("shipped", Decimal("10.00"))}}),
    ),
    "the row's amount is not the marketplace's": (
        "not what the marketplace says",
        lambda good: replace(good, truth={"orders": {"1": Truth("paid", Decimal("9.99"))}}),
    ),
    "poison without a dead letter": (
        "has no dead letter",
        lambda good: with_records(good, "projector-dlt"),
    ),
    "a dead letter with other bytes": (
        "has not the key and bytes",
        lambda good: with_records(good, "projector-dlt", replace(letter(0, POISON), value=b"")),
    ),
    "a dead letter without a header": (
        "has not all headers",
        lambda good: with_records(
            good, "projector-dlt", replace(letter(0, POISON), headers=letter(0, POISON).headers[1:])
        ),
    ),
    "a dead letter about nothing": (
        "does not exist",
        lambda good: with_records(good, "projector-dlt", letter(0, POISON), letter(1, fact(9, "paid", 9))),
    ),
    "a readable record in the dead letters": (
        "is readable, but in the dead letters",
        lambda good: replace(good, injected={"m1": Injected("m1", "copy", "passed_over", ("projector",))}),
    ),
    "a retry for a consumer that had not failed": (
        "which has no such dead letter",
        lambda good: with_records(
            good,
            "orders",
            *good.of("orders"),
            replace(LATE, headers=(*LATE.headers, (REDRIVE_TO, b"projector"))),
        ),
    ),
    "a replay with other bytes": (
        "and not the same",
        lambda good: with_records(good, "orders", *good.of("orders"), replayed(fact(0, "paid", 9, event_id="f0"))),
    ),
    "a replay for everybody": (
        "is a replay for everybody",
        lambda good: with_records(
            good,
            "orders",
            *good.of("orders"),
            replace(replayed(fact(0, "placed", 0)), headers=replayed(fact(0, "placed", 0)).headers[:-1]),
        ),
    ),
    "a consumer stands still": ("halted", lambda good: replace(good, unwell=["the projector is halted"])),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_mutation_is_found(name: str) -> None:
    expected, mutate = MUTATIONS[name]
    assert any(expected in problem for problem in judge(mutate(well()))), judge(mutate(well()))


AFTER_SALE = {
    "messages": "0a1b2c",
    "post_purchase": "post-purchase/v1/claims/0a1b2c",
    "orders feedback": "/orders/0a1b2c/feedback",
    "invoices": "/users/7/invoices/0a1b2c",
}


@pytest.mark.parametrize("topic", AFTER_SALE)
def test_what_comes_after_a_sale_is_compared_with_the_marketplace(topic: str) -> None:
    model, key = KINDS[topic], "mercadolibre:0a1b2c"
    event = replace(fact(0, "paid", 1, event_id="f1"), topic=model, key=key.encode())
    event = replace(event, headers=encoded({"ce_id": "f1", "ce_subject": key, "ce_causationid": "w0"}))
    row = replace(ROW, history=ROW.history[1:], amount=None, currency=None, offset=0)
    good = replace(
        with_records(well(), model, event),
        deliveries=[delivery(1), replace(delivery(2), topic=topic, resource=AFTER_SALE[topic])],
        rows={**well().rows, model: {key: row}},
        truth={**well().truth, model: {"0a1b2c": Truth("paid", None, row.updated_at)}},
    )
    assert judge(good) == []
    dropped = replace(with_records(good, model), rows=well().rows)
    read = replace(good, truth={**well().truth, model: {"0a1b2c": Truth("paid", None, NOON + timedelta(hours=1))}})
    for bad in (dropped, read):
        assert any("not what the marketplace says" in problem for problem in judge(bad)), judge(bad)


def test_every_read_model_is_compared_with_the_marketplace() -> None:
    assert set(KINDS.values()) == set(FACTS)


def test_what_was_never_acknowledged_may_be_lost() -> None:
    unanswered = replace(well(), deliveries=[delivery(1), delivery(2, state="lost")])
    assert judge(with_records(unanswered, "webhooks", webhook(0))) == []


def test_deliveries_that_were_on_their_way_together_may_stand_in_any_order() -> None:
    second = delivery(2)
    assert second.first_sent is not None
    slow = replace(delivery(1), acknowledged_at=second.first_sent + timedelta(milliseconds=1))
    swapped = with_records(well(), "webhooks", replace(webhook(1), offset=0), replace(webhook(0), offset=1))
    causes = fact(0, "placed", 0), replace(fact(1, "paid", 1)), POISON
    assert judge(replace(with_records(swapped, "orders", *causes), deliveries=[slow, second])) == []


def test_old_and_repeated_facts_change_nothing() -> None:
    evidence = with_records(well(), "orders", *well().of("orders"), LATE, fact(4, "paid", 1, event_id="f1"))
    assert judge(evidence) == []


def test_a_replay_changes_nothing() -> None:
    evidence = with_records(well(), "orders", *well().of("orders"), replayed(fact(0, "placed", 0)))
    assert judge(evidence) == []


def test_of_equal_times_the_later_in_the_log_counts() -> None:
    evidence = with_records(well(), "orders", *well().of("orders"), fact(3, "paid", 1, amount="11.00"))
    assert any("not the fold" in problem for problem in judge(evidence))
    row = replace(ROW, amount=Decimal("11.00"), event_id="f3", offset=3)
    truth = {"orders": {"1": Truth("paid", Decimal(11))}}
    assert judge(replace(with_row(evidence, row), truth=truth)) == []


def test_the_judge_uses_nothing_of_what_it_judges() -> None:
    """Neither our code nor the schemas: the judge, its reference, its evidence, and the network between."""
    folder = Path(__file__).parent
    for name in ("verdict", "reference", "evidence", "proxy"):
        tree = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        ours = {module for module in imported if module.partition(".")[0] in {"libs", "services", "schemas"}}
        assert not ours, f"{name}.py imports {', '.join(ours)}"
        others = {module for module in imported if module.startswith("tests.")}
        assert others <= {"tests.chaos.evidence", "tests.chaos.reference"}, f"{name}.py: {', '.join(others)}"
