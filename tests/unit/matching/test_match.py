"""The matcher without a model: barcodes and codes, and what leaves them to a person."""

from decimal import Decimal

import numpy as np
import pytest

from libs.matching.confidence import Band, Decision
from libs.matching.embedding import DIMENSIONS
from libs.matching.index import VectorIndex
from libs.matching.match import Item, Matcher, Method

PRODUCTS = [
    Item(1, "Nike Dunk Low Retro White Black Panda Size 9", "Nike", "DD1391-100", "194817794556"),
    Item(2, "adidas Reptossage Black Size 8.5", "adidas", "HQ4276", "4006381333931"),
    Item(3, "Nike Dunk Low Grey Fog Size 9", "Nike", "DD1391-103"),
]
MATCHER = Matcher(PRODUCTS, model=None)


def test_the_same_barcode_in_another_form_links() -> None:
    found = MATCHER.match(Item(9, "Tenis Nike Panda talla 9", barcode="0194817794556"))
    assert found is not None
    assert (found.product_id, found.method, found.decision, found.band) == (1, Method.BARCODE, Decision.LINK, Band.HIGH)


def test_the_same_code_with_other_separators_links() -> None:
    found = MATCHER.match(Item(9, "adidas shoes", "Adidas", "hq-4276"))
    assert found is not None
    assert (found.product_id, found.method, found.confidence) == (2, Method.SKU, Decimal("0.97"))
    assert found.decision is Decision.LINK


def test_a_similar_code_is_for_a_person() -> None:
    found = MATCHER.match(Item(9, "Nike Dunk Low", "Nike", "DD1391-101"))
    assert found is not None
    assert (found.product_id, found.decision) == (1, Decision.REVIEW)
    assert "similar code" in found.reason


@pytest.mark.parametrize(
    ("item", "doubt"),
    [
        (Item(9, "Nike Dunk Low Panda Size 10", barcode="194817794556"), "size is 10, not 9"),
        (Item(9, "Case for Nike Dunk Low", barcode="194817794556"), "accessory"),
        (Item(9, "Dunk Low Panda", "Puma", barcode="194817794556"), "the brand is 'Puma'"),
    ],
)
def test_what_contradicts_the_product_leaves_even_a_barcode_to_a_person(item: Item, doubt: str) -> None:
    found = MATCHER.match(item)
    assert found is not None
    assert found.decision is Decision.REVIEW
    assert doubt in found.reason


def test_a_barcode_of_two_products_is_for_a_person() -> None:
    twice = Matcher([PRODUCTS[0], Item(4, "Nike Dunk Low Panda", barcode="194817794556")], model=None)
    found = twice.match(Item(9, "Nike Dunk Low", barcode="194817794556"))
    assert found is not None
    assert found.decision is Decision.REVIEW
    assert "products 4 fit as well" in found.reason


def test_wrong_and_restricted_barcodes_and_unknown_codes_match_nothing() -> None:
    for item in (
        Item(9, "x", barcode="1234567890123"),
        Item(9, "x", barcode="2000000000008"),
        Item(9, "x", sku="ZZ0000-999"),
        Item(9, "Nike Dunk Low Retro White Black Panda Size 9"),
    ):
        assert MATCHER.match(item) is None
    assert Matcher([], model=None).match(PRODUCTS[0]) is None


def test_the_index_finds_the_nearest_and_replaces_what_it_knows() -> None:
    index = VectorIndex()
    axes = np.eye(DIMENSIONS, dtype=np.float32)
    assert index.nearest(axes[0], 3) == []
    index.put([10, 11, 12], axes[:3])
    assert index.nearest(axes[1], 1) == [(11, 1.0)]
    index.put([11, 11], axes[[4, 5]])
    assert len(index) == 3
    assert index.nearest(axes[1], 3)[0][1] == 0.0
    assert index.nearest(axes[5], 1) == [(11, 1.0)]
