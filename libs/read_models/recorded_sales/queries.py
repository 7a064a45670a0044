"""What is asked of the read model recorded_sales."""

from libs.db.pool import Connection
from libs.read_models.reads import Cursor, Page, one, page
from libs.read_models.recorded_sales.project import READ_MODEL, RecordedSaleRow


async def recorded_sale(connection: Connection, source: str, source_id: str) -> RecordedSaleRow | None:
    """One sale by the id that it has where it is written down."""
    return await one(connection, READ_MODEL, f"{source}:{source_id}")


async def recorded_sales(
    connection: Connection, *, user_id: str | None = None, after: Cursor | None = None, limit: int = 50
) -> Page[RecordedSaleRow]:
    """Sales, newest change first, narrowed by what is given."""
    return await page(connection, READ_MODEL, {"user_id": user_id}, after=after, limit=limit)
