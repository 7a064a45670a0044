"""The fold of a batch: what is written, deleted, refused, and left alone."""

from datetime import datetime

from libs.projection.fold import fold
from libs.projection.model import Position, ReadModel, Refused, Row
from schemas.questions.question_changed import QuestionChangedV1, QuestionStatus
from tests.facts import order, question
from tests.logs import located


class Tally(Row, frozen=True, kw_only=True):
    """How often a question changed; it has a row only while it is open."""

    changes: int


def evolve(row: Tally | None, fact: QuestionChangedV1, position: Position) -> Tally | None:
    if fact.text == "refuse me":
        raise Refused("as asked")
    if fact.status is QuestionStatus.CLOSED:
        return None
    if fact.text == "nothing new":
        return row
    return Tally(
        key=fact.key(),
        updated_at=fact.updated_at,
        event_id=position.event_id,
        correlation_id=None,
        log_topic=position.topic,
        log_partition=position.partition,
        log_offset=position.offset,
        changes=row.changes + 1 if row else 1,
    )


MODEL = ReadModel("tallies", version=1, fact=QuestionChangedV1, row=Tally, evolve=evolve)


def tally(number: int, changes: int) -> Tally:
    return Tally(
        key=f"mercadolibre:{number}",
        updated_at=datetime(2026, 1, 1).astimezone(),
        event_id="e",
        correlation_id=None,
        log_topic="questions",
        log_partition=0,
        log_offset=0,
        changes=changes,
    )


def test_it_goes_on_from_the_stored_row_and_writes_each_key_once() -> None:
    facts = [located(question(1), 1), located(question(2), 2), located(question(1), 3)]
    folded = fold(MODEL, {"mercadolibre:1": tally(1, 5)}, facts)
    assert {key: row.changes for key, row in folded.written.items()} == {"mercadolibre:1": 7, "mercadolibre:2": 1}
    assert not folded.deleted


def test_a_row_that_ends_is_deleted_and_may_come_again() -> None:
    closed = question(1, status=QuestionStatus.CLOSED)
    before = {"mercadolibre:1": tally(1, 5)}
    assert fold(MODEL, before, [located(closed, 1)]).deleted == {"mercadolibre:1"}
    again = fold(MODEL, before, [located(closed, 1), located(question(1), 2)])
    assert again.written["mercadolibre:1"].changes == 1
    assert not again.deleted


def test_a_row_that_never_was_stored_needs_no_deletion() -> None:
    folded = fold(MODEL, {}, [located(question(1), 1), located(question(1, status=QuestionStatus.CLOSED), 2)])
    assert not folded.written
    assert not folded.deleted


def test_what_changes_nothing_is_not_written() -> None:
    folded = fold(MODEL, {"mercadolibre:1": tally(1, 5)}, [located(question(1, text="nothing new"), 1)])
    assert not folded.written


def test_a_refused_fact_leaves_the_row_and_is_told() -> None:
    facts = [located(question(1), 1), located(question(1, text="refuse me"), 2), located(question(1), 3)]
    folded = fold(MODEL, {}, facts)
    assert folded.written["mercadolibre:1"].changes == 2
    assert [(one.position.offset, str(error)) for one, error in folded.refused] == [(2, "as asked")]


def test_an_event_that_is_not_the_read_models_is_passed_over() -> None:
    assert not fold(MODEL, {}, [located(order(1), 1)]).written
