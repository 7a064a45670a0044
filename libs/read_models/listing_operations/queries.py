"""What is asked of the read model listing_operations."""

from libs.db.pool import Connection
from libs.read_models.listing_operations.project import READ_MODEL, ListingOperationRow
from libs.read_models.reads import Cursor, Page, one, page, where


async def listing_operation(connection: Connection, marketplace: str, operation: str) -> ListingOperationRow | None:
    """One operation by its id: that of the command, or the marketplace's where nobody here asked for it."""
    return await one(connection, READ_MODEL, f"{marketplace}:{operation}")


async def listing_operations(
    connection: Connection,
    *,
    marketplace: str | None = None,
    account: str | None = None,
    status: str | None = None,
    initiated_by: str | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> Page[ListingOperationRow]:
    """Operations, newest change first, narrowed by what is given."""
    columns = {"marketplace": marketplace, "account": account, "status": status, "initiated_by": initiated_by}
    return await page(connection, READ_MODEL, columns, after=after, limit=limit)


async def operations_of_listing(connection: Connection, marketplace: str, listing_id: str) -> list[ListingOperationRow]:
    """Every operation on one listing."""
    return await where(connection, READ_MODEL, {"marketplace": marketplace, "listing_id": listing_id})
