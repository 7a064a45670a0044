"""What is asked of the read model shipments."""

from libs.db.pool import Connection
from libs.read_models.reads import Cursor, Page, one, page
from libs.read_models.shipments.project import READ_MODEL, ShipmentRow


async def shipment(connection: Connection, marketplace: str, shipment_id: str) -> ShipmentRow | None:
    """One shipment by its marketplace's own id."""
    return await one(connection, READ_MODEL, f"{marketplace}:{shipment_id}")


async def shipments(
    connection: Connection,
    *,
    marketplace: str | None = None,
    account: str | None = None,
    status: str | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> Page[ShipmentRow]:
    """Shipments, newest change first, narrowed by what is given."""
    columns = {"marketplace": marketplace, "account": account, "status": status}
    return await page(connection, READ_MODEL, columns, after=after, limit=limit)
