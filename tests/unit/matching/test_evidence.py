"""What can be matched in the catalog's texts."""

import pytest

from libs.matching.evidence import of_listing, of_page, of_product
from libs.matching.match import Item, Matcher, Method

KNOWN = Matcher([Item(1, "iPhone 15", "Apple", "A2890"), Item(2, "Dunk Low", "Nike", "DD1391-100")], None)


def test_a_product_is_its_title_with_its_attributes_its_model_and_its_barcode():
    made = of_product(1, "Apple", "A2890", "iPhone 15", "194253701286", {"color": "black", "gb": 128, "new": True})
    assert made == Item(1, "iPhone 15 black 128", "Apple", "A2890", "194253701286")


def test_a_listing_s_title_may_hold_a_code_that_is_known_and_a_barcode():
    made = of_listing(2, "Apple iPhone 15 A2890 128GB MTP03 194253701286", KNOWN)
    assert (made.sku, made.barcode) == ("a2890", "194253701286")


@pytest.mark.parametrize(
    ("title", "sku", "confidence"),
    [
        ("Nike Dunk Low DD1391-100", "dd1391100", "0.97"),
        ("Nike Dunk Low DD1391-1O0", "dd13911o0", "0.90"),
        ("Nike Dunk Low DD1391-101", "dd1391101", "0.79"),
        ("Nike Dunk Low DD1391-101 A2890", "a2890", "0.97"),
        ("Nike Dunk Low CW2288-111", None, None),
    ],
)
def test_of_a_title_s_codes_the_known_one_counts_else_a_similar_one(title, sku, confidence):
    made = of_listing(2, title, KNOWN)
    assert made.sku == sku
    found = KNOWN.match(made)
    assert (found and (found.method, str(found.confidence))) == (confidence and (Method.SKU, confidence))


@pytest.mark.parametrize("title", ["iPhone 15 194253701285", "iPhone 15 order 12345678", "call 194253701286x"])
def test_other_numbers_are_no_barcode(title):
    assert of_listing(2, title, KNOWN).barcode is None


@pytest.mark.parametrize(
    ("url", "title", "barcode"),
    [
        ("https://www.walmart.com/ip/Apple-iPhone-15-128GB-Black/1234567890", "Apple iPhone 15 128GB Black", None),
        ("https://shop.example/apple_iphone%2015.html?upc=194253701286", "apple iphone 15", "194253701286"),
        ("https://shop.example/", "", None),
        ("not a url", "not a url", None),
        ("http://[::1/iphone-15?upc=194253701286", "http: [::1 iphone 15?upc=194253701286", "194253701286"),
        ("https://shop\u2100.example/iphone-15", "https: shop\u2100 example iphone 15", None),
    ],
)
def test_a_page_is_the_words_of_its_url(url, title, barcode):
    made = of_page(3, url, KNOWN)
    assert (made.title, made.barcode) == (title, barcode)
