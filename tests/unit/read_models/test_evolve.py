"""The fold of every read model with a status history: given a row, when a fact comes (twice), then the row."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.bus.reader import Partition
from libs.projection.fold import fold
from libs.projection.folding import Folding
from libs.projection.model import AnyReadModel, ReadModel, Refused, Row
from libs.read_models import READ_MODELS
from libs.read_models.history import EntityRow, OfLatest
from libs.read_models.orders.project import order_row
from schemas.claims.claim_changed import ClaimStatus
from schemas.event import Fact
from schemas.feedback.feedback_changed import Rating
from schemas.invoices.invoice_changed import InvoiceStatus
from schemas.listing_operations.listing_operation_changed import OperationStatus
from schemas.listings.listing_changed import ListingStatus
from schemas.messages.message_changed import MessageStatus
from schemas.orders.order_changed import OrderStatus
from schemas.payments.payment_changed import PaymentStatus
from schemas.questions.question_changed import QuestionStatus
from schemas.shipments.shipment_changed import ShipmentStatus
from tests.facts import (
    NOON,
    at,
    buyers_message,
    claim,
    feedback,
    invoice,
    listing,
    listing_operation,
    order,
    payment,
    question,
    recorded_sale,
    shipment,
)
from tests.logs import in_place, located, position, record


@dataclass(frozen=True)
class Case:
    """A read model, how its facts are made, two statuses, and the argument that changes something but the status."""

    model: AnyReadModel
    fact: Callable[..., Fact]
    first: Any
    second: Any
    other: str
    column: Callable[[Any], Any]


CASES = [
    Case(READ_MODELS["orders"], order, OrderStatus.PLACED, OrderStatus.PAID, "title", lambda row: row.lines[0].title),
    Case(
        READ_MODELS["shipments"],
        shipment,
        ShipmentStatus.PENDING,
        ShipmentStatus.SHIPPED,
        "carrier",
        lambda row: row.carrier,
    ),
    Case(
        READ_MODELS["payments"],
        payment,
        PaymentStatus.PENDING,
        PaymentStatus.APPROVED,
        "method",
        lambda row: row.method,
    ),
    Case(
        READ_MODELS["questions"],
        question,
        QuestionStatus.OPEN,
        QuestionStatus.ANSWERED,
        "text",
        lambda row: row.question,
    ),
    Case(READ_MODELS["listings"], listing, ListingStatus.ACTIVE, ListingStatus.PAUSED, "title", lambda row: row.title),
    Case(
        READ_MODELS["listing_operations"],
        listing_operation,
        OperationStatus.STARTED,
        OperationStatus.SUCCEEDED,
        "variant",
        lambda row: row.variant_id,
    ),
    Case(
        READ_MODELS["messages"],
        buyers_message,
        MessageStatus.UNREAD,
        MessageStatus.READ,
        "text",
        lambda row: row.message,
    ),
    Case(READ_MODELS["claims"], claim, ClaimStatus.OPEN, ClaimStatus.CLOSED, "stage", lambda row: row.stage),
    Case(
        READ_MODELS["feedback"],
        feedback,
        Rating.POSITIVE,
        Rating.NEGATIVE,
        "comment",
        lambda row: row.by_buyer.comment,
    ),
    Case(
        READ_MODELS["invoices"],
        invoice,
        InvoiceStatus.PROCESSING,
        InvoiceStatus.AUTHORIZED,
        "series",
        lambda row: row.series,
    ),
]

each_read_model = pytest.mark.parametrize("case", CASES, ids=lambda case: case.model.name)


def rows_after(model: AnyReadModel, *facts: tuple[Fact, int, str]) -> dict[str, Any]:
    """The rows that a log of (fact, offset, event id) leads to, applied twice from its beginning."""
    log = [located(*one) for one in facts]
    once = fold(model, {}, log).written
    twice = fold(model, once, log)
    assert not twice.written, "a log that is applied again changes nothing"
    return once


def only(rows: dict[str, Any]) -> Any:
    assert len(rows) == 1
    return next(iter(rows.values()))


def test_every_read_model_with_a_status_history_has_a_case() -> None:
    assert [case.model for case in CASES] == [one for one in READ_MODELS.values() if issubclass(one.row, EntityRow)]


@each_read_model
def test_the_first_fact_makes_the_row(case: Case) -> None:
    row = only(rows_after(case.model, (case.fact(7, 1, case.first), 5, "a")))
    assert row.key == "mercadolibre:7"
    assert row.updated_at == at(1)
    assert (row.event_id, row.log_topic, row.log_partition, row.log_offset) == ("a", case.model.topics[0], 0, 5)
    assert row.correlation_id == "a"
    assert [(one.status, one.at, one.event_id) for one in row.status_history] == [(str(case.first), at(1), "a")]


@each_read_model
def test_a_newer_state_replaces_the_row_and_lengthens_its_history(case: Case) -> None:
    row = only(rows_after(case.model, (case.fact(7, 1, case.first), 0, "a"), (case.fact(7, 2, case.second), 1, "b")))
    assert (row.status, row.event_id, row.updated_at) == (str(case.second), "b", at(2))
    assert [(one.status, one.marketplace_status, one.event_id) for one in row.status_history] == [
        (str(case.first), f"ml_{case.first}", "a"),
        (str(case.second), f"ml_{case.second}", "b"),
    ]


@each_read_model
def test_a_change_of_something_else_leaves_the_history(case: Case) -> None:
    changed = case.fact(7, 2, case.first, **{case.other: "changed"})
    row = only(rows_after(case.model, (case.fact(7, 1, case.first), 0, "a"), (changed, 1, "b")))
    assert case.column(row) == "changed"
    assert [one.event_id for one in row.status_history] == ["a"]


@each_read_model
def test_an_older_state_never_replaces_a_newer_one(case: Case) -> None:
    row = only(rows_after(case.model, (case.fact(7, 2, case.second), 0, "b"), (case.fact(7, 1, case.first), 1, "a")))
    assert (row.status, row.event_id, row.log_offset) == (str(case.second), "b", 0)
    assert len(row.status_history) == 1


@each_read_model
def test_of_two_states_with_one_time_the_later_in_the_log_counts(case: Case) -> None:
    row = only(rows_after(case.model, (case.fact(7, 1, case.first), 0, "a"), (case.fact(7, 1, case.second), 1, "b")))
    assert row.event_id == "b"


@each_read_model
def test_an_event_that_was_published_twice_counts_once(case: Case) -> None:
    twice = rows_after(case.model, (case.fact(7, 1, case.first), 0, "a"), (case.fact(7, 1, case.first), 1, "a"))
    assert only(twice).log_offset == 0


@each_read_model
def test_a_row_is_the_same_after_its_way_through_the_database_types(case: Case) -> None:
    row = only(rows_after(case.model, (case.fact(7, 1, case.first), 0, "a"), (case.fact(7, 2, case.second), 1, "b")))
    stored = dict(zip(case.model.columns, case.model.values(row), strict=True))
    assert case.model.row_of(stored) == row  # type: ignore[arg-type]  # a dict reads as an asyncpg.Record does


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**40])
def test_a_number_that_no_column_holds_is_refused(number: int) -> None:
    model = READ_MODELS["payments"]
    with pytest.raises(Refused, match="installments is beyond 64 bits"):
        model.evolve(None, payment(1).model_copy(update={"installments": number}), position())


def reference(facts: list[tuple[Any, int, str]]) -> tuple[str, str, list[str]]:
    """In other words than `evolve`: (event, status, history of events) of the row that a log leads to."""
    seen: list[tuple[Any, str]] = []
    for fact, _, event in facts:
        newest = max((one.updated_at for one, _ in seen), default=datetime.min.replace(tzinfo=NOON.tzinfo))
        if fact.updated_at >= newest and (not seen or seen[-1][1] != event):
            seen.append((fact, event))
    history = [
        event
        for number, (fact, event) in enumerate(seen)
        if number == 0 or fact.marketplace_status != seen[number - 1][0].marketplace_status
    ]
    return seen[-1][1], str(seen[-1][0].status), history


@st.composite
def logs(draw: st.DrawFn) -> tuple[Case, list[tuple[Fact, int, str]]]:
    """Versions of a few entities in any order, any of them repeated any number of times."""
    case = draw(st.sampled_from(CASES))
    statuses = st.sampled_from([case.first, case.second])
    versions = [
        (case.fact(entity, minute, draw(statuses)), f"{entity}-{minute}") for entity in range(3) for minute in range(5)
    ]
    drawn = draw(st.lists(st.sampled_from(versions), min_size=1, max_size=40))
    return case, [(fact, offset, event) for offset, (fact, event) in enumerate(drawn)]


@settings(deadline=None)
@given(logs())
def test_any_order_and_repetition_leads_to_the_newest_state(log: tuple[Case, list[tuple[Fact, int, str]]]) -> None:
    case, facts = log
    rows = rows_after(case.model, *facts)
    assert rows.keys() == {fact.key() for fact, _, _ in facts}
    for key, row in rows.items():
        of_key: list[tuple[Any, int, str]] = [one for one in facts if one[0].key() == key]
        newest = max(of_key, key=lambda one: one[0].updated_at)[0]
        event, status, history = reference(of_key)
        assert row.updated_at == newest.updated_at
        assert (row.event_id, row.status) == (event, status)
        assert [entry.event_id for entry in row.status_history] == history
        fresh = case.model.evolve(None, newest, position(row.log_offset, row.event_id, row.log_topic))
        assert _state(row) == _state(fresh)


def _state(row: Row) -> dict[str, Any]:
    """All that the newest fact alone decides."""
    assert isinstance(row, EntityRow)
    volatile = {"status_history", "correlation_id"}
    return {name: getattr(row, name) for name in row.__struct_fields__ if name not in volatile}


@settings(deadline=None)
@given(logs(), st.data())
def test_it_does_not_matter_where_batches_end(
    log: tuple[Case, list[tuple[Fact, int, str]]], data: st.DataObject
) -> None:
    case, facts = log
    whole = rows_after(case.model, *facts)
    rows: dict[str, Any] = {}
    rest = [located(*one) for one in facts]
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        batch, rest = rest[:size], rest[size:]
        stored = {
            key: case.model.row_of(dict(zip(case.model.columns, case.model.values(row), strict=True)))  # type: ignore[arg-type]  # as above
            for key, row in rows.items()
        }
        rows |= fold(case.model, stored, batch).written
    assert rows == whole


@settings(deadline=None)
@given(logs(), st.sets(st.integers(0, 39)))
def test_rows_made_at_the_end_are_those_made_fact_by_fact(
    log: tuple[Case, list[tuple[Fact, int, str]]], refused: set[int]
) -> None:
    case, facts = log
    if case.model.name == "payments":  # the one whose facts can be refused
        facts = [
            (fact.model_copy(update={"installments": 2**63}) if offset in refused else fact, offset, event)
            for fact, offset, event in facts
        ]
    folding = Folding(case.model, Partition(case.model.topics[0], 0), "projector")
    assert folding.add(in_place(record(*one) for one in facts)) == len(facts)
    assert folding.reached == len(facts)
    assert {row.key: row for row in folding.rows()} == rows_after(case.model, *facts)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.booleans()), min_size=1, max_size=40))
def test_without_a_history_the_row_is_the_newest_state_fact_by_fact_and_at_the_end(
    versions: list[tuple[int, int, bool]],
) -> None:
    model = READ_MODELS["recorded_sales"]
    facts: list[tuple[Fact, int, str]] = [
        (recorded_sale(number, minute, withdrawn=withdrawn), offset, f"{number}-{minute}-{withdrawn}")
        for offset, (number, minute, withdrawn) in enumerate(versions)
    ]
    rows = rows_after(model, *facts)
    for number in {number for number, _, _ in versions}:
        newest = max(minute for one, minute, _ in versions if one == number)
        # Of states of the same time the last one counts.
        withdrawn = [last for one, minute, last in versions if (one, minute) == (number, newest)][-1]
        row = rows[f"notion:{number}"]
        assert (row.updated_at, row.withdrawn, row.event_id) == (
            at(newest),
            withdrawn,
            f"{number}-{newest}-{withdrawn}",
        )
    folding = Folding(model, Partition(model.topics[0], 0), "projector")
    assert folding.add(in_place(record(*one) for one in facts)) == len(facts)
    assert {row.key: row for row in folding.rows()} == rows


def test_a_build_is_not_resumed_by_other_code_that_gathers(tmp_path: Path) -> None:
    source = tmp_path / "gathering.py"

    class Elsewhere(OfLatest[Any, Any]):
        @property
        def files(self) -> tuple[Path, ...]:
            return (source,)

    def fingerprint(code: str) -> str:
        source.write_text(code)
        orders = READ_MODELS["orders"]
        return ReadModel(orders.name, orders.version, orders.fact, orders.row, Elsewhere(order_row)).fingerprint

    assert fingerprint("one") == fingerprint("one") != fingerprint("other")
    assert [path.name for path in OfLatest(order_row).files if path.is_file()] == ["gathering.py"]
