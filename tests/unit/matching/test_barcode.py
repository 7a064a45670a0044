"""Barcodes: check digits, one canonical form, and what matches nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.matching.barcode import Gtin, NotABarcode, check_digit, same_item

bodies = st.sampled_from([7, 11, 12, 13]).flatmap(lambda size: st.text("0123456789", min_size=size, max_size=size))
barcodes = bodies.filter(lambda body: body.strip("0")).map(lambda body: body + str(check_digit(body)))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("194817794556", "00194817794556"),  # the UPC of the StockX variant example
        ("0194817794556", "00194817794556"),
        ("4006381333931", "04006381333931"),
        ("96385074", "00000096385074"),
        ("4 006381 333931", "04006381333931"),
        ("4006381-333931", "04006381333931"),
    ],
)
def test_ean_upc_and_gtin_become_one_number(text: str, canonical: str) -> None:
    assert str(Gtin.parse(text)) == canonical


def test_a_upc_and_its_ean_with_a_leading_zero_are_one_item() -> None:
    assert same_item("194817794556", "0194817794556")
    assert not same_item("194817794556", "4006381333931")


@pytest.mark.parametrize("text", ["", "abc", "123", "00000000", "0000000000000", "1234567890123", "١٩٤٨١٧٧٩٤٥٥٦"])
def test_what_is_no_barcode_is_refused_and_matches_nothing(text: str) -> None:
    with pytest.raises(NotABarcode):
        Gtin.parse(text)
    assert not same_item(text, text)


def test_the_documents_example_is_refused_with_the_digit_that_would_be_right() -> None:
    with pytest.raises(NotABarcode, match="ends with 3; its check digit would be 8"):
        Gtin.parse("1234567890123")


@settings(deadline=None)
@given(barcodes)
def test_any_single_wrong_digit_is_noticed(barcode: str) -> None:
    assert len(Gtin.parse(barcode).digits) == 14
    for at, digit in enumerate(barcode):
        wrong = f"{barcode[:at]}{(int(digit) + 1) % 10}{barcode[at + 1 :]}"
        with pytest.raises(NotABarcode):
            Gtin.parse(wrong)


@settings(deadline=None)
@given(barcodes)
def test_leading_zeros_do_not_change_the_item(barcode: str) -> None:
    assert Gtin.parse(barcode.zfill(14)) == Gtin.parse(barcode)


def test_a_shops_own_number_says_nothing_elsewhere() -> None:
    own = "2" + "12345678901"
    own += str(check_digit(own))
    assert Gtin.parse(own).restricted
    assert not same_item(own, own)
