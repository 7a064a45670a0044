"""The Active Inventory Report: a ZIP with one XML file, read piece by piece however large it is.

    <BulkDataExchangeResponses xmlns="urn:ebay:apis:eBLBaseComponents"><ActiveInventoryReport>
      <SKUDetails>
        <SKU>A-1</SKU><Price currencyID="USD">85.0</Price><Quantity>3</Quantity><ItemID>1101…</ItemID>
      </SKUDetails>
      <SKUDetails><ItemID>1102…</ItemID><Variations><Variation><SKU>B-1</SKU>…</Variation></Variations></SKUDetails>

Source: XML reference for Sell Feed LMS feed types, ActiveInventoryReport. The outer element may be absent.
"""

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO
from xml.parsers import expat

from libs.marketplaces.payload import Malformed

MOST_XML_BYTES = 8 * 1024**3
"""Of the unpacked file: 100,000 listings are about 20 MB. What is longer is no report of one seller."""

_PIECE = 256 * 1024
_LONGEST_TEXT = 4096
_LEAVES = frozenset({"SKU", "Price", "Quantity", "ItemID"})


@dataclass(frozen=True, slots=True)
class ReportedListing:
    """One active listing, or one variation of it. `sku` is None where the seller gave none."""

    item_id: str
    sku: str | None
    quantity: int | None
    price: Decimal | None
    currency: str | None


def read_report(path: Path) -> Iterator[ReportedListing]:
    """The listings in a downloaded result file; raises Malformed. Flat in memory: one piece at a time is unpacked.

    Blocking: run it in a thread, or take a few at a time.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info for info in archive.infolist() if not info.is_dir()]
            if len(names) != 1:
                raise Malformed(f"the report's archive has {len(names)} files instead of one")
            with archive.open(names[0]) as xml:
                yield from read_xml(xml)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
        raise Malformed(f"the report is no readable ZIP file: {error}") from None


def read_xml(xml: IO[bytes]) -> Iterator[ReportedListing]:
    """The listings in a report's XML, in its order; raises Malformed."""
    reader = _Reader()
    read = 0
    while True:
        piece = xml.read(_PIECE)
        read += len(piece)
        if read > MOST_XML_BYTES:
            raise Malformed(f"the report is longer than {MOST_XML_BYTES} bytes")
        yield from reader.feed(piece)
        if not piece:
            return


@dataclass(slots=True)
class _Details:
    """The texts of a SKUDetails, or of one of its variations."""

    texts: dict[str, str] = field(default_factory=dict)
    currency: str | None = None
    variations: list["_Details"] = field(default_factory=list)

    def listings(self) -> Iterator[ReportedListing]:
        """The listing, or one for each of its variations, which share its item id."""
        item_id = self.texts.get("ItemID", "")
        if not item_id:
            raise Malformed("a listing in the report has no ItemID")
        for each in self.variations or [self]:
            quantity = each.texts.get("Quantity", "")
            yield ReportedListing(
                item_id=item_id,
                sku=each.texts.get("SKU") or None,
                quantity=int(quantity) if quantity.isascii() and quantity.isdigit() and len(quantity) < 10 else None,
                price=_amount(each.texts.get("Price")),
                currency=each.currency,
            )


def _amount(text: str | None) -> Decimal | None:
    try:
        amount = Decimal(text) if text else None
    except InvalidOperation:
        raise Malformed("a price in the report is not a number") from None
    return amount if amount is None or amount.is_finite() else None


class _Reader:
    """An expat parser that collects SKUDetails. A document type is refused: it could define entities."""

    def __init__(self) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        self._parser = parser
        self._open: list[_Details] = []
        self._leaf: str | None = None
        self._parts: list[str] = []
        self._length = 0
        self._ready: list[ReportedListing] = []

    def feed(self, piece: bytes) -> list[ReportedListing]:
        """The listings that end in this piece; an empty piece ends the document."""
        try:
            self._parser.Parse(piece, not piece)
        except expat.ExpatError as error:
            raise Malformed(f"the report is not well-formed XML: {expat.ErrorString(error.code)}") from None
        ready, self._ready = self._ready, []
        return ready

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if local == "SKUDetails":
            self._open = [_Details()]
        elif local == "Variation" and self._open:
            variation = _Details()
            self._open[0].variations.append(variation)
            self._open.append(variation)
        elif local in _LEAVES and self._open:
            self._leaf, self._parts, self._length = local, [], 0
            if local == "Price":
                self._open[-1].currency = attributes.get("currencyID")

    def _text(self, text: str) -> None:
        if self._leaf is None:
            return
        self._length += len(text)
        if self._length > _LONGEST_TEXT:
            raise Malformed(f"a {self._leaf} in the report is longer than {_LONGEST_TEXT} characters")
        self._parts.append(text)

    def _end(self, name: str) -> None:
        local = name.rpartition(" ")[2]
        if not self._open:
            return
        if local == self._leaf:
            self._open[-1].texts[local] = "".join(self._parts).strip()
            self._leaf = None
        elif local == "Variation" and len(self._open) > 1:
            self._open.pop()
        elif local == "SKUDetails":
            self._ready.extend(self._open[0].listings())
            self._open = []

    def _doctype(self, *_: object) -> None:
        raise Malformed("the report declares a document type, which no report does")
