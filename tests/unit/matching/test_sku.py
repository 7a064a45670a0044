"""Style codes: separators and case say nothing, neighbours in a range are told from slips."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.matching.sku import best, normalised, resembles, same_but_for_lookalikes, similarity

codes = st.text("ABCDEFHQ0123456789- ", min_size=1, max_size=12)


def test_the_documents_example_is_one_code() -> None:
    found = best("HQ4276", ["DZ5485-612", "HQ-4276", "FB9922-101"])
    assert found is not None
    assert (found.code, found.similarity, found.exact) == ("HQ-4276", 1.0, True)


@pytest.mark.parametrize("written", ["dd1391 100", "DD1391-100", "DD1391/100", " dd1391‐100 "])
def test_separators_and_case_say_nothing(written: str) -> None:
    assert normalised(written) == "DD1391100"


def test_only_candidates_above_four_fifths_are_found() -> None:
    assert similarity("ABCDE", "ABCDF") == pytest.approx(0.8)
    assert best("ABCDE", ["ABCDF"]) is None
    assert best("HQ4276", ["B75807"]) is None
    assert best("HQ4276", []) is None
    assert best("S24", ["S24"]) is None


def test_a_neighbour_in_the_range_is_similar_but_not_the_same() -> None:
    found = best("DD1391-100", ["DD1391-101"])
    assert found is not None
    assert found.similarity > 0.8
    assert not found.exact
    assert not found.lookalike


def test_lookalike_characters_are_a_slip() -> None:
    assert same_but_for_lookalikes("BB55OWT1", "BB550WTI")
    found = best("DW56O0E", ["DW5600E"])
    assert found is not None
    assert (found.exact, found.lookalike) == (False, True)


@settings(deadline=None)
@given(codes, codes)
def test_similarity_is_symmetric_and_one_exactly_for_the_same_code(one: str, other: str) -> None:
    assert similarity(one, other) == similarity(other, one)
    assert 0 <= similarity(one, other) <= 1
    assert (similarity(one, other) == 1) == (bool(normalised(one)) and normalised(one) == normalised(other))


@settings(deadline=None)
@given(codes, st.lists(codes, max_size=5))
def test_the_order_of_the_candidates_does_not_matter(query: str, candidates: list[str]) -> None:
    assert best(query, candidates) == best(query, candidates[::-1])


@given(codes, st.lists(codes, max_size=5))
def test_what_resembles_a_code_is_what_the_best_is_found_for(query: str, candidates: list[str]) -> None:
    assert resembles(query, [normalised(each) for each in candidates]) == (best(query, candidates) is not None)
