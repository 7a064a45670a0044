"""The fold of rows that commands write: nothing goes back, and of two decisions that did not know of each other the
first in the log counts."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from libs.projection.model import Position
from libs.read_models.search_runs.project import SearchRunRow, evolve
from schemas.search_runs.search_run_changed import SearchRunChangedV1
from tests.facts import search_run


@dataclass(frozen=True)
class Record:
    """A fact where it stands."""

    fact: SearchRunChangedV1
    offset: int

    @property
    def position(self) -> Position:
        return Position("search_runs", 0, self.offset, f"e{self.offset}", None)


@st.composite
def logs(draw: st.DrawFn) -> list[Record]:
    """A partition's facts of one entity: each decided at some earlier end of the log, or not against anything."""
    found: list[Record] = []
    offset = 0
    for _ in range(draw(st.integers(1, 12))):
        offset += draw(st.integers(0, 2))
        basis = draw(st.none() | st.integers(0, offset))
        found.append(Record(search_run(1).model_copy(update={"basis": basis, "query_text": f"q{offset}"}), offset))
        offset += 1
    return found


def folded(records: list[Record], row: SearchRunRow | None = None) -> SearchRunRow | None:
    for one in records:
        row = evolve(row, one.fact, one.position)
    return row


@given(logs(), st.data())
def test_reading_again_from_anywhere_changes_nothing(log: list[Record], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(log)))
    row = folded(log[:at])
    again = data.draw(st.integers(0, at))
    assert folded(log[again:at], row) == row
    assert folded(log[again:], row) == folded(log)


@given(logs())
def test_a_row_s_offset_only_grows(log: list[Record]) -> None:
    row, last = None, -1
    for one in log:
        row = evolve(row, one.fact, one.position)
        assert row is not None
        assert row.log_offset >= last
        last = row.log_offset


@given(logs())
def test_a_fact_counts_if_it_was_decided_with_the_one_before_it_in_sight(log: list[Record]) -> None:
    row: SearchRunRow | None = None
    for one in log:
        before, row = row, evolve(row, one.fact, one.position)
        assert row is not None
        counts = before is None or one.fact.basis is None or one.fact.basis > before.log_offset
        assert (row.log_offset == one.offset) == counts


def test_of_two_that_did_not_know_of_each_other_the_first_counts() -> None:
    base = Record(search_run(1), 0)
    first = Record(search_run(1).model_copy(update={"basis": 1, "query_text": "first"}), 1)
    second = Record(search_run(1).model_copy(update={"basis": 1, "query_text": "second"}), 2)
    third = Record(search_run(1).model_copy(update={"basis": 3, "query_text": "third"}), 3)
    row = folded([base, first, second])
    assert row is not None
    assert row.query_text == "first"
    row = folded([third], row)
    assert row is not None
    assert row.query_text == "third"
