"""Which hit of a fuzzy search is the product that a style code means."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.matching.sku import similarity
from libs.products.hits import best_hit, exact_first


@dataclass(frozen=True)
class Shoe:
    style_id: str | None


def hits(*codes: str | None) -> list[Shoe]:
    return [Shoe(code) for code in codes]


@pytest.mark.parametrize(
    ("asked", "found", "meant"),
    [
        ("HQ4276", ["HQ-4276"], "HQ-4276"),
        ("HQ-4276", ["HQ4276"], "HQ4276"),
        ("hq 4276", ["DD1391-100", "HQ4276"], "HQ4276"),
        ("DD1391-100", ["DD1391-101", "DD1391-104", "DD1391-100"], "DD1391-100"),
        ("315122-111", ["CW2288-111", "CW2288-111/315122-111"], "CW2288-111/315122-111"),
        ("HQ4276O", ["HQ42760"], "HQ42760"),
        ("CT8012-11", ["CT8012-116"], "CT8012-116"),
        ("DZ5485-612A", ["DZ5485-612"], "DZ5485-612"),
    ],
)
def test_the_product_that_was_meant(asked: str, found: list[str], meant: str) -> None:
    hit = best_hit(asked, hits(*found))
    assert hit is not None
    assert hit.product.style_id == meant
    assert hit.similarity > 0.8


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("DD1391-100", ["DD1391-101", "DD1391-102"]),  # another colourway, at 0.89
        ("HQ4276", ["HQ4277"]),
        ("DD1391", ["DD1391-100"]),  # 0.8, and it must be above
        ("HQ4276", ["FZ5808-400", None]),
        ("CUSTOM-001", ["CT8012-116"]),
        ("S2", ["S24"]),
        ("HQ4276", []),
    ],
)
def test_nothing_that_was_meant(asked: str, found: list[str | None]) -> None:
    assert best_hit(asked, hits(*found)) is None


def test_of_equals_the_search_s_own_first_counts() -> None:
    first, second = Shoe("HQ4276"), Shoe("HQ-4276")
    hit = best_hit("hq4276", [first, second])
    assert hit is not None
    assert hit.exact
    assert hit.product is first


def test_the_exact_style_comes_to_the_front_and_nothing_else_moves() -> None:
    found = hits("DD1391-101", "DD1391-103", "DD1391-100", "DD1391-102")
    assert [one.style_id for one in exact_first("dd1391 100", found)] == [
        "DD1391-100",
        "DD1391-101",
        "DD1391-103",
        "DD1391-102",
    ]
    assert exact_first("panda", found) == found, "words are no style code"


codes = st.text(alphabet="ADHQ0145-/ ", min_size=1, max_size=12)


@given(codes, st.lists(codes, max_size=6))
def test_what_is_found_is_similar_and_exact_ones_win(asked: str, found: list[str]) -> None:
    hit = best_hit(asked, hits(*found))
    exact = any(similarity(asked, code) == 1.0 for code in found)
    if hit is not None:
        assert hit.similarity > 0.8
        assert hit.product.style_id in found
    assert not exact or (hit is not None and hit.exact)
