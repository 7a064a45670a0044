"""What is asked of the read model inventory."""

from libs.db.pool import Connection
from libs.read_models.inventory.project import READ_MODEL, InventoryRow
from libs.read_models.reads import Cursor, Page, one, page


async def inventory_item(connection: Connection, marketplace: str, account: str, sku: str) -> InventoryRow | None:
    """One SKU of an account."""
    return await one(connection, READ_MODEL, f"{marketplace}:{account}:{sku}")


async def inventory(
    connection: Connection,
    *,
    marketplace: str | None = None,
    account: str | None = None,
    user_id: str | None = None,
    ebay_status: str | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> Page[InventoryRow]:
    """SKUs, newest change first, narrowed by what is given."""
    columns = {"marketplace": marketplace, "account": account, "user_id": user_id, "ebay_status": ebay_status}
    return await page(connection, READ_MODEL, columns, after=after, limit=limit)
