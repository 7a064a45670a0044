"""Polling operations: one, or all of a listing in one call."""

from dataclasses import dataclass
from typing import Any

from libs.marketplaces.entries import Unreadable, read_entries
from libs.marketplaces.stockx.caller import StockXCaller, garbage
from libs.marketplaces.stockx.operation import Operation
from libs.marketplaces.stockx.routes import OPERATION, OPERATIONS

LARGEST_PAGE = 100
MOST_PAGES = 100
"""Of one listing: 10,000 operations."""


@dataclass(frozen=True, slots=True)
class OperationsPage:
    """Some of a listing's operations, and the cursor of the next ones, None at the end."""

    entries: tuple[Operation, ...]
    unreadable: tuple[Unreadable, ...]
    next_cursor: str | None


class Operations:
    """The operations of one account's listings."""

    def __init__(self, caller: StockXCaller) -> None:
        self._caller = caller

    async def operation(self, listing_id: str, operation_id: str) -> Operation:
        """One operation as it is now; raises NotFound."""
        return await self._caller.read(Operation, OPERATION, {"listingId": listing_id, "operationId": operation_id})

    async def page(self, listing_id: str, cursor: str | None = None, size: int = LARGEST_PAGE) -> OperationsPage:
        """Up to 100 operations of a listing, those that StockX started among them; raises NotFound."""
        if not 1 <= size <= LARGEST_PAGE:
            raise ValueError(f"a page has 1 to {LARGEST_PAGE} operations, not {size}")
        query = {"pageSize": str(size)} | ({"cursor": cursor} if cursor else {})
        answer = await self._caller.call("GET", OPERATIONS, ids={"listingId": listing_id}, query=query)
        body: Any = answer.body if answer.body is not None else {"operations": []}
        told = body.get("operations") if isinstance(body, dict) else None
        if not isinstance(told, list):
            raise garbage(f"GET {OPERATIONS}", "the answer has no operations", answer)
        entries, unreadable = read_entries(told, Operation)
        following = body.get("nextCursor")
        return OperationsPage(entries, unreadable, following if isinstance(following, str) and told else None)

    async def of_listing(self, listing_id: str) -> OperationsPage:
        """All operations of a listing, each once; mostly one call.

        The contract says that a `nextCursor` may come again on each page, so the end is a page that is not full, one
        that brings nothing new, or no cursor.
        """
        found: dict[str, Operation] = {}
        unreadable: list[Unreadable] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await self.page(listing_id, cursor)
            new = {each.operation_id: each for each in page.entries if each.operation_id not in found}
            found |= new
            unreadable += page.unreadable
            cursor = page.next_cursor
            if cursor is None or not new or len(page.entries) + len(page.unreadable) < LARGEST_PAGE:
                break
        return OperationsPage(tuple(found.values()), tuple(unreadable), None)
