"""The synchronisation of sales from a Notion database: each gets its real StockX product, or is reported.

All pages are read (one request for each hundred), because a page that has gone to the trash is told nowhere: what was
taken in and is not found any more is withdrawn. Only pages that were edited since they were taken in are looked up. A
sale whose product is not found is tried again when it is edited, and once a day.

Beside that, a page that Notion tells of (handlers.py) is read alone, at once.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.db.pool import Database
from libs.http.errors import ApiError, Blocked, NotFound, Unauthorized
from libs.notion.client import Notion, NotionPage
from libs.products.merge import NoSku
from libs.products.unreadable import UnreadableOf
from libs.read_models.recorded_sales.project import RecordedSaleRow
from libs.read_models.recorded_sales.queries import recorded_sale
from schemas.recorded_sales.recorded_sale_changed import RecordedSaleChangedV1
from schemas.registry import summary
from schemas.values import Money
from services.market_data.config import NotionAccess
from services.market_data.notion_pages import MARKETPLACE, Incomplete, NotASale, SaleNote, SalePages
from services.market_data.products import Products, variant_of
from services.market_data.reserve import Reserve
from services.market_data.run import Fate, Item, Status
from services.market_data.told_products import ToldProducts
from services.market_data.work import Turn

SOURCE = "notion"
_AGAIN = timedelta(days=1)
_TOLD_TO = timedelta(minutes=1)
"""Notion tells edits by the minute: a page that was read within it may have been edited since."""
_WITHDRAWN = "withdrawn"

_KEEP = """
INSERT INTO market.notion_pages (page_id, last_edited_at, recorded, tried_at) VALUES ($1, $2, $3, now())
ON CONFLICT (page_id) DO UPDATE SET last_edited_at = excluded.last_edited_at, recorded = excluded.recorded,
    tried_at = excluded.tried_at
"""
_RECORDED = "SELECT recorded FROM market.notion_pages WHERE page_id = $1"


class NotionSales:
    """A Task."""

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        products: Products,
        told: ToldProducts,
        notion: Notion,
        unreadable: UnreadableOf,
        access: NotionAccess,
        reserve: Reserve,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._products = products
        self._told = told
        self._notion = notion
        self._unreadable = unreadable
        self._access = access
        self._reserve = reserve
        self._pages = SalePages(access)

    async def __call__(self, turn: Turn) -> Status:
        run = turn.run
        if run.total is None:
            pages = await turn.patiently(lambda: self._unreadable.kept("query", self._all()))
            await turn.runs.plan(run.run_id, await self._plan(pages))
        return await _each(turn, self._take)

    async def pages(self, turn: Turn) -> Status:
        """A Task: the items are ids of pages, which are read one by one."""
        return await _each(turn, self.look)

    async def look(self, turn: Turn, item: Item) -> tuple[Fate, str]:
        """Read one page, whose id is the item, and take in what it tells. Raises ApiError, NoSku, ValidationError."""
        try:
            page = await turn.patiently(lambda: self._unreadable.kept("page", self._notion.page(item.item)))
            note = self._pages.sale(page)
        except (NotFound, NotASale) as error:
            async with self._database.connection() as connection:
                recorded = await connection.fetchval(_RECORDED, item.item)
            return await self._withdraw(turn, item) if recorded else (Fate.DONE, f"no sale: {error}")
        except Incomplete as error:
            return Fate.FAILED, str(error)
        return await self._take(turn, replace(item, told=note.model_dump(mode="json")))

    async def _all(self) -> dict[str, NotionPage]:
        return {page.id: page async for page in self._notion.pages(self._access.database_id)}

    async def _plan(self, pages: dict[str, NotionPage]) -> list[Item]:
        """What is new, was edited, or is gone. Of pages that are no sales nothing is said."""
        async with self._database.connection() as connection:
            rows = await connection.fetch("SELECT page_id, last_edited_at, recorded, tried_at FROM market.notion_pages")
        known = {row["page_id"]: row for row in rows}
        items: list[Item] = []
        sales: set[str] = set()
        for page in pages.values():
            try:
                note = self._pages.sale(page)
            except NotASale:
                continue
            except Incomplete as error:
                sales.add(page.id)
                items.append(Item(len(items) + 1, page.id, None, Fate.FAILED, str(error)))
                continue
            sales.add(page.id)
            row = known.get(page.id)
            same = row is not None and row["last_edited_at"] == note.edited_at <= row["tried_at"] - _TOLD_TO
            if row is None or not same or (not row["recorded"] and row["tried_at"] < datetime.now(UTC) - _AGAIN):
                items.append(Item(len(items) + 1, page.id, note.model_dump(mode="json")))
        gone = [page_id for page_id, row in known.items() if row["recorded"] and page_id not in sales]
        return items + [
            Item(len(items) + number, page_id, {_WITHDRAWN: True}) for number, page_id in enumerate(gone, 1)
        ]

    async def _take(self, turn: Turn, item: Item) -> tuple[Fate, str]:
        if item.told is not None and item.told.get(_WITHDRAWN):
            return await self._withdraw(turn, item)
        note = SaleNote.model_validate(item.told)
        await self._reserve.keep(turn)
        known = await turn.patiently(lambda: self._products.find(note.sku))
        if known is None:
            await self._keep(item.item, note.edited_at, recorded=False)
            return Fate.NOT_ON_STOCKX, f"StockX has no product with the style code {note.sku}"
        product_id = known.product.product_id
        sizes = await turn.patiently(lambda: self._products.sizes(product_id))
        variant = variant_of(sizes, note.size)
        fact = RecordedSaleChangedV1(
            source=SOURCE,
            source_id=note.page_id,
            user_id=self._access.user_id,
            marketplace=MARKETPLACE,
            order_number=note.order_number,
            sku=known.sku,
            size=note.size if variant is None else sizes[variant],
            title=note.title or known.product.title,
            product_id=product_id,
            variant_id=variant,
            price=Money(amount=note.price, currency=note.currency),
            payout=None if note.payout is None else Money(amount=note.payout, currency=note.currency),
            sold_at=note.sold_at,
            updated_at=note.edited_at,
        )
        await self._told.tell([(fact.sku, fact.title)])
        await self._publisher.publish(Outgoing(fact, id=f"{turn.run.run_id}:{item.number}"))
        await self._keep(item.item, note.edited_at, recorded=True)
        return Fate.DONE, f"{known.sku} is {product_id}"

    async def _withdraw(self, turn: Turn, item: Item) -> tuple[Fate, str]:
        async with self._database.connection() as connection:
            row = await recorded_sale(connection, SOURCE, item.item)
        if row is None:
            return Fate.FAILED, "the sale is not in the read model yet: it is withdrawn by the next run"
        fact = _withdrawn(row)
        await self._publisher.publish(Outgoing(fact, id=f"{turn.run.run_id}:{item.number}"))
        async with self._database.connection() as connection:
            await connection.execute("DELETE FROM market.notion_pages WHERE page_id = $1", item.item)
        return Fate.DONE, "withdrawn: the page is gone, or is no sale any more"

    async def _keep(self, page_id: str, edited_at: datetime, *, recorded: bool) -> None:
        async with self._database.connection() as connection:
            await connection.execute(_KEEP, page_id, edited_at, recorded)


async def _each(turn: Turn, take: Callable[[Turn, Item], Awaitable[tuple[Fate, str]]]) -> Status:
    """Take in what waits. What stands against one says nothing of the others."""
    for item in await turn.runs.items(turn.run.run_id, [Fate.WAITING]):
        await turn.check()
        try:
            fate, detail = await take(turn, item)
        except (Unauthorized, Blocked):
            raise
        except (ApiError, NoSku, ValidationError) as error:
            fate, detail = Fate.FAILED, summary(error) if isinstance(error, ValidationError) else str(error)
        await turn.runs.mark(turn.run.run_id, item.number, fate, detail)
    return Status.COMPLETED


def _withdrawn(row: RecordedSaleRow) -> RecordedSaleChangedV1:
    payout = None
    if row.payout_amount is not None and row.payout_currency is not None:
        payout = Money(amount=row.payout_amount, currency=row.payout_currency)
    return RecordedSaleChangedV1(
        source=row.source,
        source_id=row.source_id,
        user_id=row.user_id,
        marketplace=row.marketplace,
        order_number=row.order_number,
        sku=row.sku,
        size=row.size,
        title=row.title,
        product_id=row.product_id,
        variant_id=row.variant_id,
        price=Money(amount=row.price_amount, currency=row.price_currency),
        payout=payout,
        sold_at=row.sold_at,
        withdrawn=True,
        updated_at=row.updated_at,  # of the same time the later one in the log counts, and an edit after that again
    )
