"""What is asked of the read model payments."""

from libs.db.pool import Connection
from libs.read_models.payments.project import READ_MODEL, PaymentRow
from libs.read_models.reads import Cursor, Page, one, page, where


async def payment(connection: Connection, marketplace: str, payment_id: str) -> PaymentRow | None:
    """One payment by its marketplace's own id."""
    return await one(connection, READ_MODEL, f"{marketplace}:{payment_id}")


async def payments(
    connection: Connection,
    *,
    marketplace: str | None = None,
    account: str | None = None,
    status: str | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> Page[PaymentRow]:
    """Payments, newest change first, narrowed by what is given."""
    columns = {"marketplace": marketplace, "account": account, "status": status}
    return await page(connection, READ_MODEL, columns, after=after, limit=limit)


async def payments_of_order(connection: Connection, marketplace: str, order_id: str) -> list[PaymentRow]:
    """Everything that was paid, or tried to be, for one order."""
    return await where(connection, READ_MODEL, {"marketplace": marketplace, "order_id": order_id})
