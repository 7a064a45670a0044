"""eBay's goods: made from the seed, the same for the same number and version, however many there are."""

import random
import sys

from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.ebay import goods
from services.sandbox.ebay.catalogue import Catalogue
from services.sandbox.ebay.goods import Good
from services.sandbox.ebay.report import report


class Listed:
    """The same inventory as a plain list, newest first."""

    def __init__(self, size: int) -> None:
        self.numbers = list(range(size))
        self.next = size

    def add(self) -> None:
        self.numbers.insert(0, self.next)
        self.next += 1


@given(
    size=st.integers(0, 30),
    edits=st.lists(st.sampled_from(["add", "remove", "change"]), max_size=40),
    seed=st.integers(),
)
def test_a_catalogue_is_the_list_that_it_does_not_keep(size, edits, seed):
    dice = random.Random(seed)
    catalogue, listed = Catalogue("seed", size), Listed(size)
    for edit in edits:
        if edit == "add":
            catalogue.add()
            listed.add()
        elif listed.numbers:
            good = catalogue.with_sku(Good("seed", dice.choice(listed.numbers)).sku)
            assert good is not None
            if edit == "remove":
                catalogue.remove(good)
                listed.numbers.remove(good.number)
            else:
                assert catalogue.change(good).version == good.version + 1
    assert [good.number for good in catalogue] == listed.numbers
    assert len(catalogue) == len(listed.numbers)
    assert [good.number for good in catalogue.slice(1, 3)] == listed.numbers[1:3]
    for number in range(listed.next + 1):
        assert (catalogue.with_sku(Good("seed", number).sku) is not None) == (number in listed.numbers)


def test_a_million_items_are_not_kept():
    catalogue = Catalogue("seed", 1_000_000)
    catalogue.change(catalogue.slice(999_999, 1_000_000)[0])
    assert sum(sys.getsizeof(each) for each in vars(catalogue).values()) < 2000


def test_the_same_seed_number_and_version_give_the_same_goods():
    one, same, changed, other = Good("a", 5), Good("a", 5), Good("a", 5, 1), Good("b", 5)
    assert (goods.item(one), goods.offers(one)) == (goods.item(same), goods.offers(same))
    assert goods.item(one)["product"] == goods.item(changed)["product"]
    assert (goods.price(one), goods.quantity(one)) != (goods.price(changed), goods.quantity(changed))
    assert goods.item(one) != goods.item(other)
    assert goods.quantity(Good("a", 5, 2, sold_out=True)) == 0


def test_goods_are_found_by_sku_and_by_listing():
    assert goods.sku_number("SKU0000012") == 12
    assert goods.listing_number(Good("a", 12).listing_id) == 12
    for wrong in ("", "SKU", "SKU12", "sku0000012", "SKU00000x2", "SKU٠٠٠٠٠١٢"):
        assert goods.sku_number(wrong) is None
    for wrong in ("", "x", "1", Good("a", 12).listing_id + "1", "110100000001"):
        assert goods.listing_number(wrong) is None


def test_offers_are_of_every_kind():
    made = [goods.offers(Good("a", number)) for number in range(500)]
    assert {len(offers) for offers in made} == {0, 1, 2}
    assert {offer["status"] for offers in made for offer in offers} == {"PUBLISHED", "UNPUBLISHED"}
    assert len({offer["offerId"] for offers in made for offer in offers}) == sum(map(len, made))


def test_a_report_is_the_same_bytes_and_made_piece_by_piece():
    pieces = list(report(Catalogue("seed", 1700), None, "a.xml"))
    assert len(pieces) == 5
    assert b"".join(pieces) == b"".join(report(Catalogue("seed", 1700), None, "a.xml"))
