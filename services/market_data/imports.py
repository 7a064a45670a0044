"""Imports of inventory: every row is checked first; if nothing stands against any of them, all become facts.

The decision is in PostgreSQL before the first fact is published, and a fact's identity is its import's and its row's:
whoever goes on after a crash publishes the rest, and what he publishes again is known. So an import is taken in whole
or not at all. Its products are told to the topic `products` first, behind the decision, too.
"""

from collections.abc import Mapping, Sequence

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.http.errors import ApiError, Blocked, Unauthorized
from schemas.inventory.inventory_changed import Condition
from schemas.stock_items.stock_item_changed import StockItemChangedV1
from schemas.values import Money
from services.market_data.csv_rows import CsvRow, InventoryRow
from services.market_data.products import Known, Products, variant_of
from services.market_data.reserve import Reserve
from services.market_data.run import Fate, Item, Run, Status
from services.market_data.told_products import ToldProducts
from services.market_data.work import Turn

_MOST_SIZES = 40

Identity = tuple[str, str | None, Condition]
"""What is one stock item: style code and size as StockX writes them, and the condition."""


def items_of(rows: Sequence[CsvRow]) -> list[Item]:
    """The rows as items of a run: those that are wrong have failed already, and are told with the others."""
    return [
        Item(
            row.number,
            row.sku,
            None if row.valid is None else row.valid.model_dump(mode="json"),
            Fate.WAITING if row.valid is not None else Fate.FAILED,
            row.wrong,
        )
        for row in rows
    ]


class InventoryImport:
    """A Task. Stopping it before the decision takes nothing in; behind it there is nothing to stop."""

    def __init__(self, publisher: Publisher, products: Products, told: ToldProducts, reserve: Reserve) -> None:
        self._publisher = publisher
        self._told = told
        self._products = products
        self._reserve = reserve

    async def __call__(self, turn: Turn) -> Status:
        run = turn.run
        known: dict[str, Known | None] = {}
        sizes: dict[str, Mapping[str, str | None]] = {}
        first: dict[Identity, int] = {}
        for item in await turn.runs.items(run.run_id, [Fate.CHECKED]):  # by a worker that died
            first[_identity(StockItemChangedV1.model_validate(item.told))] = item.number
        for item in await turn.runs.items(run.run_id, [Fate.WAITING]):
            await turn.check()
            row = InventoryRow.model_validate(item.told)
            fate, detail, fact = await self._check(turn, row, known, sizes)
            if fact is not None and (number := first.setdefault(_identity(fact), item.number)) != item.number:
                fate, detail, fact = Fate.FAILED, f"it is about the same as row {number}: {detail}", None
            told = None if fact is None else fact.model_dump_json()
            await turn.runs.mark(run.run_id, item.number, fate, detail, told)
        if await turn.runs.items(run.run_id, [Fate.FAILED, Fate.NOT_ON_STOCKX], 1):
            return Status.REFUSED
        checked = await turn.runs.items(run.run_id, [Fate.CHECKED])
        facts = [(item, StockItemChangedV1.model_validate(item.told)) for item in checked]
        await self._told.tell((fact.sku, fact.title) for _, fact in facts)
        for item, fact in facts:
            await self._publisher.publish(Outgoing(fact, id=f"{run.run_id}:{item.number}"))
            await turn.runs.mark(run.run_id, item.number, Fate.DONE, item.detail)
        return Status.COMPLETED

    async def _check(
        self,
        turn: Turn,
        row: InventoryRow,
        known: dict[str, Known | None],
        sizes: dict[str, Mapping[str, str | None]],
    ) -> tuple[Fate, str, StockItemChangedV1 | None]:
        """A row's fate; StockX is asked once for each product of a file."""
        try:
            if row.sku not in known:
                await self._reserve.keep(turn)
                known[row.sku] = await turn.patiently(lambda: self._products.find(row.sku))
            found = known[row.sku]
            if found is None:
                return Fate.NOT_ON_STOCKX, "StockX has no product with this style code", None
            product_id = found.product.product_id
            if product_id not in sizes:
                await self._reserve.keep(turn)
                sizes[product_id] = await turn.patiently(lambda: self._products.sizes(product_id))
        except (Unauthorized, Blocked):
            raise
        except ApiError as error:
            return Fate.FAILED, f"StockX could not be asked: {error}", None
        variant = variant_of(sizes[product_id], row.size)
        if variant is None and row.size is not None:
            has = ", ".join(each for each in list(sizes[product_id].values())[:_MOST_SIZES] if each) or "none"
            return Fate.FAILED, f"StockX has no size {row.size} of it; there are: {has}", None
        size = None if variant is None else sizes[product_id][variant]
        return Fate.CHECKED, f"{found.sku} is {product_id}", _fact(turn.run, row, found, variant, size)


def _identity(fact: StockItemChangedV1) -> Identity:
    return fact.sku, fact.size, fact.condition


def _fact(run: Run, row: InventoryRow, known: Known, variant: str | None, size: str | None) -> StockItemChangedV1:
    """`size` is as StockX writes it, so that a stock item has one key.

    As of when the file was given in: of two files the later one counts, however long either was checked.
    """
    return StockItemChangedV1(
        user_id=run.user_id or "",
        sku=known.sku,
        told_sku=row.sku,
        size=size,
        condition=row.condition,
        title=row.title or known.product.title,
        quantity=row.quantity,
        cost=None if row.cost is None else Money(amount=row.cost, currency=row.currency),
        acquired_at=row.acquired_at,
        stockx_product_id=known.product.product_id,
        stockx_variant_id=variant,
        import_id=run.run_id,
        updated_at=run.created_at,
    )
