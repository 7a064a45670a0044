"""Inventory items: `getInventoryItems`, `getInventoryItem`, `bulkGetInventoryItem`.

Source: Inventory API 1.18, base `/sell/inventory/v1`. Only items that were made or migrated through this API are in it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from libs.http.errors import ApiError, Garbage, NotFound, RateLimited, Unavailable
from libs.marketplaces.ebay.caller import EbayCaller
from libs.marketplaces.ebay.errors import EbayError, errors_in, meaning
from libs.marketplaces.ebay.item import InventoryItem, sku_of
from libs.marketplaces.ebay.page_log import logged
from libs.marketplaces.ebay.paging import FIRST, Cursor, Page, pages, read_page
from libs.marketplaces.payload import Malformed

LARGEST_PAGE = 200
LARGEST_BULK = 25

_ITEMS = "/sell/inventory/v1/inventory_item"
_ITEM = "/sell/inventory/v1/inventory_item/{sku}"
_BULK = "/sell/inventory/v1/bulk_get_inventory_item"


@dataclass(frozen=True, slots=True)
class ItemFailure:
    """Why a SKU of a bulk request has no item. `status` is its own one, None if eBay did not mention the SKU."""

    sku: str
    status: int | None
    errors: tuple[EbayError, ...]
    gone: bool
    """eBay knows no such SKU (any more)."""
    retriable: bool
    """It may be there later: a system error, a limit, or no word about it."""

    def __str__(self) -> str:
        told = ", ".join(map(str, self.errors))
        return f"{'not answered' if self.status is None else f'answered {self.status}'}{': ' if told else ''}{told}"


@dataclass(frozen=True, slots=True)
class BulkItems:
    """The fate of every SKU that was asked for: each is in exactly one of the two."""

    items: Mapping[str, InventoryItem]
    failures: Mapping[str, ItemFailure]


class Inventory:
    """The items of one account."""

    def __init__(self, caller: EbayCaller) -> None:
        self._caller = caller

    async def page(self, cursor: Cursor = FIRST) -> Page[InventoryItem]:
        """One page of items; `cursor.limit` is 1 to 200. Raises an ApiError."""
        if not 1 <= cursor.limit <= LARGEST_PAGE:
            raise ValueError(f"limit must be 1 to {LARGEST_PAGE}, not {cursor.limit}")
        return await logged("fetch_inventory_items", self._page(cursor), limit=cursor.limit, offset=cursor.offset)

    async def _page(self, cursor: Cursor) -> Page[InventoryItem]:
        answer = await self._caller.call("GET", _ITEMS, operation=_ITEMS, query=cursor.query())
        return read_page(
            f"GET {_ITEMS}", answer.body, cursor, name="inventoryItems", model=InventoryItem, identity=sku_of
        )

    def pages(self, start: Cursor = FIRST) -> AsyncIterator[Page[InventoryItem]]:
        """All pages from `start` on. Items that eBay adds or removes meanwhile move: a SKU may come twice."""
        return pages(self.page, start)

    async def item(self, sku: str) -> InventoryItem:
        """One item; raises NotFound if eBay knows no such SKU, or another ApiError."""
        path = _ITEM.format(sku=quote(sku, safe=""))
        answer = await self._caller.call("GET", path, operation=_ITEM)
        try:
            return InventoryItem.read(answer.body)
        except Malformed as error:
            raise Garbage(f"GET {_ITEM}", str(error), status=answer.status) from None

    async def bulk(self, skus: Sequence[str]) -> BulkItems:
        """Up to 25 different SKUs in one call. Raises an ApiError only if the call as a whole failed."""
        if not 1 <= len(skus) <= LARGEST_BULK or len({*skus}) != len(skus):
            raise ValueError(f"1 to {LARGEST_BULK} different SKUs can be asked for at once, not {len(skus)}")
        request = {"requests": [{"sku": sku} for sku in skus]}
        answer = await self._caller.call("POST", _BULK, operation=_BULK, body=request, repeatable=True)
        told = answer.body.get("responses") if isinstance(answer.body, dict) else None
        if not isinstance(told, list):
            raise Garbage(f"POST {_BULK}", "the answer has no responses", status=answer.status)
        items: dict[str, InventoryItem] = {}
        failures = {sku: ItemFailure(sku, None, (), gone=False, retriable=True) for sku in skus}
        for response in told:
            sku = sku_of(response)
            if sku not in failures:
                continue  # not asked for, or answered twice
            outcome = _outcome(sku, response)
            if isinstance(outcome, InventoryItem):
                items[sku] = outcome
                del failures[sku]
            else:
                failures[sku] = outcome
        return BulkItems(items, failures)


def _outcome(sku: str, response: dict[str, Any]) -> InventoryItem | ItemFailure:
    code = response.get("statusCode")
    status = code if isinstance(code, int) else 200
    errors = errors_in(response)
    kind = meaning(status, errors)
    if kind is None:
        inner = response.get("inventoryItem")
        try:
            return InventoryItem.read({"sku": sku, **inner} if isinstance(inner, dict) else inner)
        except Malformed:
            kind = ApiError
    return ItemFailure(
        sku,
        status,
        errors,
        gone=issubclass(kind, NotFound),
        retriable=issubclass(kind, RateLimited | Unavailable),
    )
