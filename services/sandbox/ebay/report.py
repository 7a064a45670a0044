"""The Active Inventory Report as eBay's Feed API hands it out: a ZIP with one XML file, made while it is sent."""

import zipfile
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape

from services.sandbox.ebay import goods
from services.sandbox.ebay.catalogue import Catalogue

_PIECE = 500
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<BulkDataExchangeResponses xmlns="urn:ebay:apis:eBLBaseComponents">'
    "<ActiveInventoryReport><Ack>Success</Ack><Version>1355</Version>\n"
)
_TAIL = "</ActiveInventoryReport></BulkDataExchangeResponses>\n"


class _Outbox:
    """Takes what the archive writes, for the next piece of the answer. It cannot seek: nothing is kept."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits but for `take`."""

    def close(self) -> None:
        """There is nothing to close."""

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def report(
    catalogue: Catalogue, listing_format: str | None, name: str, own: Sequence[dict[str, Any]] = ()
) -> Iterator[bytes]:
    """The ZIP file's pieces. Only published offers are in it; `listing_format` None: of both formats."""
    outbox = _Outbox()
    entry = zipfile.ZipInfo(name, (2026, 6, 5, 12, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(outbox, "w") as archive, archive.open(entry, "w") as file:
        file.write(_HEAD.encode())
        file.write(_details(own, listing_format).encode())
        for start in range(0, len(catalogue), _PIECE):
            details = (_details(goods.offers(good), listing_format) for good in catalogue.slice(start, start + _PIECE))
            file.write("".join(details).encode())
            yield outbox.take()
        file.write(_TAIL.encode())
    yield outbox.take()


def _details(offers: Sequence[dict[str, Any]], listing_format: str | None) -> str:
    told = []
    for offer in offers:
        if offer["status"] != "PUBLISHED" or listing_format not in (None, offer["format"]):
            continue
        amount = next(iter(offer["pricingSummary"].values()))
        told.append(
            f"<SKUDetails><SKU>{escape(offer['sku'])}</SKU>"
            f'<Price currencyID="{amount["currency"]}">{amount["value"]}</Price>'
            f"<Quantity>{offer['availableQuantity']}</Quantity>"
            f"<ItemID>{offer['listing']['listingId']}</ItemID></SKUDetails>\n"
        )
    return "".join(told)
