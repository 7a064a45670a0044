"""What is asked of the read model orders."""

from libs.db.pool import Connection
from libs.read_models.orders.project import READ_MODEL, OrderRow
from libs.read_models.reads import Cursor, Page, one, page, where


async def order(connection: Connection, marketplace: str, order_id: str) -> OrderRow | None:
    """One order by its marketplace's own id."""
    return await one(connection, READ_MODEL, f"{marketplace}:{order_id}")


async def orders(
    connection: Connection,
    *,
    marketplace: str | None = None,
    account: str | None = None,
    status: str | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> Page[OrderRow]:
    """Orders, newest change first, narrowed by what is given."""
    columns = {"marketplace": marketplace, "account": account, "status": status}
    return await page(connection, READ_MODEL, columns, after=after, limit=limit)


async def orders_of_shipment(connection: Connection, marketplace: str, shipment_id: str) -> list[OrderRow]:
    """The orders that travel in one parcel."""
    return await where(connection, READ_MODEL, {"marketplace": marketplace, "shipment_id": shipment_id})
