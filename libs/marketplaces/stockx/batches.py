"""Sending batches within the allowance, and asking what came of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.marketplaces.entries import Unreadable, read_entries
from libs.marketplaces.stockx.batch import (
    LARGEST_BATCH,
    LARGEST_CREATION,
    Batch,
    BatchItem,
    BatchKind,
    ChangedItem,
    ItemStatus,
    NewItem,
)
from libs.marketplaces.stockx.caller import StockXCaller, garbage, shaped
from libs.marketplaces.stockx.limits import Allowance
from libs.marketplaces.stockx.routes import BATCH, BATCH_ITEMS, BATCHES
from schemas.values import Json


@dataclass(frozen=True, slots=True)
class BatchItems:
    """The items of a batch, and those that could not be read."""

    entries: tuple[BatchItem, ...]
    unreadable: tuple[Unreadable, ...]


class Batches:
    """One account's batches.

    Items are counted (`allowance`) before their request is sent, and never given back: so what StockX counted, we have
    counted. A batch that is too large for now raises RateLimited with the time after which it fits, and is not sent.
    """

    def __init__(
        self,
        caller: StockXCaller,
        allowance: Allowance,
        largest: int = LARGEST_BATCH,
        largest_creation: int = LARGEST_CREATION,
    ) -> None:
        self._caller = caller
        self._allowance = allowance
        self.largest = largest
        self.largest_creation = largest_creation

    async def create(self, items: Sequence[NewItem]) -> Batch:
        """Create listings, up to 500 items of any quantity. Raises BadRequest, RateLimited."""
        amount = sum(item.quantity for item in items)
        return await self._send(BatchKind.CREATE, [item.body() for item in items], amount)

    async def update(self, items: Sequence[ChangedItem]) -> Batch:
        """Change listings, up to 100. Raises BadRequest, RateLimited."""
        return await self._send(BatchKind.UPDATE, [item.body() for item in items], len(items))

    async def delete(self, listing_ids: Sequence[str]) -> Batch:
        """Delete listings, up to 100. Raises BadRequest, RateLimited."""
        return await self._send(BatchKind.DELETE, [{"listingId": each} for each in listing_ids], len(listing_ids))

    async def batch(self, kind: BatchKind, batch_id: str) -> Batch:
        """A batch as it is now; raises NotFound."""
        return await self._caller.read(Batch, BATCH, {"kind": kind, "batchId": batch_id})

    async def items(self, kind: BatchKind, batch_id: str, status: ItemStatus | None = None) -> BatchItems:
        """The fates of a batch's items, all in one call; raises NotFound."""
        query = {"status": status.value} if status else None
        answer = await self._caller.call("GET", BATCH_ITEMS, ids={"kind": kind, "batchId": batch_id}, query=query)
        told = [] if answer.body is None else answer.body.get("items") if isinstance(answer.body, dict) else None
        if not isinstance(told, list):
            raise garbage(f"GET {BATCH_ITEMS}", "the answer has no items", answer)
        return BatchItems(*read_entries(told, BatchItem))

    async def _send(self, kind: BatchKind, items: Sequence[Json], amount: int) -> Batch:
        largest = self.largest_creation if kind is BatchKind.CREATE else self.largest
        if not 1 <= len(items) <= largest:
            raise ValueError(f"a batch has 1 to {largest} items, not {len(items)}")
        self._caller.check()  # an open circuit must not cost an allowance
        await self._allowance.take(amount, f"POST {BATCHES}")
        answer = await self._caller.call("POST", BATCHES, ids={"kind": kind}, body={"items": list(items)})
        return shaped(Batch, f"POST {BATCHES}", answer)
