"""What can be matched in the catalog's texts."""

import pytest

from libs.matching.evidence import of_listing, of_page, of_product
from libs.matching.match import Item


def knows(code: str) -> bool:
    return code == "a2890"


def test_a_product_is_its_title_with_its_attributes_its_model_and_its_barcode():
    made = of_product(1, "Apple", "A2890", "iPhone 15", "194253701286", {"color": "black", "gb": 128, "new": True})
    assert made == Item(1, "iPhone 15 black 128", "Apple", "A2890", "194253701286")


def test_a_listing_s_title_may_hold_a_code_that_is_known_and_a_barcode():
    made = of_listing(2, "Apple iPhone 15 A2890 128GB MTP03 194253701286", knows)
    assert (made.sku, made.barcode) == ("a2890", "194253701286")


@pytest.mark.parametrize("title", ["iPhone 15 194253701285", "iPhone 15 order 12345678", "call 194253701286x"])
def test_other_numbers_are_no_barcode(title):
    assert of_listing(2, title, knows).barcode is None


@pytest.mark.parametrize(
    ("url", "title", "barcode"),
    [
        ("https://www.walmart.com/ip/Apple-iPhone-15-128GB-Black/1234567890", "Apple iPhone 15 128GB Black", None),
        ("https://shop.example/apple_iphone%2015.html?upc=194253701286", "apple iphone 15", "194253701286"),
        ("https://shop.example/", "", None),
        ("not a url", "not a url", None),
    ],
)
def test_a_page_is_the_words_of_its_url(url, title, barcode):
    made = of_page(3, url, knows)
    assert (made.title, made.barcode) == (title, barcode)
