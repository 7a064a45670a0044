"""What is asked of the read model listings."""

from libs.db.pool import Connection
from libs.read_models.listings.project import READ_MODEL, ListingRow
from libs.read_models.reads import Cursor, Page, one, page


async def listing(connection: Connection, marketplace: str, listing_id: str) -> ListingRow | None:
    """One listing by its marketplace's own id."""
    return await one(connection, READ_MODEL, f"{marketplace}:{listing_id}")


async def listings(
    connection: Connection,
    *,
    marketplace: str | None = None,
    account: str | None = None,
    status: str | None = None,
    sku: str | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> Page[ListingRow]:
    """Listings, newest change first, narrowed by what is given."""
    columns = {"marketplace": marketplace, "account": account, "status": status, "sku": sku}
    return await page(connection, READ_MODEL, columns, after=after, limit=limit)
