"""What is asked of the read model stock_items."""

from libs.db.pool import Connection
from libs.read_models.reads import Cursor, Page, page
from libs.read_models.stock_items.project import READ_MODEL, StockItemRow


async def stock_items(
    connection: Connection,
    *,
    user_id: str | None = None,
    sku: str | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> Page[StockItemRow]:
    """Stock, newest change first, narrowed by what is given."""
    return await page(connection, READ_MODEL, {"user_id": user_id, "sku": sku}, after=after, limit=limit)
