"""The Active Inventory Report: read piece by piece, in every documented form, and refused where it is none."""

import io
import tracemalloc
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.marketplaces.ebay.report import ReportedListing, read_report, read_xml
from libs.marketplaces.payload import Malformed

NAMESPACE = 'xmlns="urn:ebay:apis:eBLBaseComponents"'
HEAD = f'<?xml version="1.0" encoding="UTF-8"?><BulkDataExchangeResponses {NAMESPACE}><ActiveInventoryReport>'
TAIL = "</ActiveInventoryReport></BulkDataExchangeResponses>"
PRICE = '<Price currencyID="USD">85.0</Price>'
ONE = f"<SKUDetails><SKU>A-1</SKU>{PRICE}<Quantity>3</Quantity><ItemID>11</ItemID></SKUDetails>"


def read(xml: str) -> list[ReportedListing]:
    return list(read_xml(io.BytesIO(xml.encode())))


def archive(path: Path, *files: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files:
            made.writestr(name, content)
    return path


def test_a_listing():
    assert read(f"{HEAD}{ONE}{TAIL}") == [ReportedListing("11", "A-1", 3, Decimal("85.0"), "USD")]


def test_without_the_outer_element_and_without_a_namespace():
    assert read(f"<ActiveInventoryReport><Ack>Success</Ack>{ONE}</ActiveInventoryReport>")[0].sku == "A-1"


def test_variations_are_listings_that_share_an_item():
    details = (
        "<SKUDetails><Quantity>9</Quantity><Variations>"
        '<Variation><SKU>B-1</SKU><Price currencyID="EUR">1.5</Price><Quantity>4</Quantity><VariationSpecifics>'
        "<NameValueList><Name>SKU</Name><Value>x</Value></NameValueList></VariationSpecifics></Variation>"
        '<Variation><SKU>B-2</SKU><Price currencyID="EUR">2</Price><Quantity>5</Quantity></Variation>'
        "</Variations><ItemID>12</ItemID></SKUDetails>"
    )
    assert read(f"{HEAD}{details}{TAIL}") == [
        ReportedListing("12", "B-1", 4, Decimal("1.5"), "EUR"),
        ReportedListing("12", "B-2", 5, Decimal("2"), "EUR"),
    ]


def test_what_a_seller_left_out_is_none():
    details = "<SKUDetails><ItemID>13</ItemID><Quantity>many</Quantity></SKUDetails>"
    assert read(f"{HEAD}{details}{TAIL}") == [ReportedListing("13", None, None, None, None)]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=50))
def test_a_sku_with_any_letters(sku):
    told = sku.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    read_back = read(f"{HEAD}<SKUDetails><SKU>{told}</SKU><ItemID>1</ItemID></SKUDetails>{TAIL}")[0].sku
    assert (read_back or "") == sku.strip()


@pytest.mark.parametrize(
    ("xml", "why"),
    [
        (f"{HEAD}{ONE}", "not well-formed"),
        ("", "not well-formed"),
        ("not xml", "not well-formed"),
        (f"<!DOCTYPE a [<!ENTITY b 'c'>]>{ONE}", "document type"),
        (f"{HEAD}<SKUDetails><SKU>A</SKU></SKUDetails>{TAIL}", "no ItemID"),
        (f"{HEAD}<SKUDetails><ItemID>1</ItemID><Price>a lot</Price></SKUDetails>{TAIL}", "not a number"),
        (f"{HEAD}<SKUDetails><SKU>{'A' * 5000}</SKU></SKUDetails>{TAIL}", "longer than"),
    ],
)
def test_what_is_no_report_is_refused(xml, why):
    with pytest.raises(Malformed, match=why):
        read(xml)


def test_a_file(tmp_path):
    path = archive(tmp_path / "report.zip", ("report.xml", f"{HEAD}{ONE}{TAIL}".encode()))
    assert [listing.sku for listing in read_report(path)] == ["A-1"]


def test_a_file_that_is_no_archive_of_one_file(tmp_path):
    (tmp_path / "text.zip").write_bytes(b"PK but no more")
    with pytest.raises(Malformed, match="no readable ZIP"):
        list(read_report(tmp_path / "text.zip"))
    two = archive(tmp_path / "two.zip", ("a.xml", b""), ("b.xml", b""))
    with pytest.raises(Malformed, match="2 files"):
        list(read_report(two))
    cut = archive(tmp_path / "cut.zip", ("a.xml", f"{HEAD}{ONE * 2000}{TAIL}".encode()))
    content = bytearray(cut.read_bytes())
    content[60:80] = b"\xff" * 20
    cut.write_bytes(content)
    with pytest.raises(Malformed):
        list(read_report(cut))


def test_memory_does_not_grow_with_the_report(tmp_path):
    def peak(listings: int) -> int:
        path = archive(tmp_path / f"{listings}.zip", ("a.xml", f"{HEAD}{ONE * listings}{TAIL}".encode()))
        tracemalloc.start()
        try:
            assert sum(1 for _ in read_report(path)) == listings
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(2_000), peak(12_000)
    assert large < small * 1.5, f"{small} bytes for 2,000 listings, {large} for 12,000"
