"""What is asked of the read model invoices."""

from libs.db.pool import Connection
from libs.read_models.invoices.project import READ_MODEL, InvoiceRow
from libs.read_models.reads import Cursor, Page, one, page


async def invoice(connection: Connection, marketplace: str, invoice_id: str) -> InvoiceRow | None:
    """One of them by its marketplace's own id."""
    return await one(connection, READ_MODEL, f"{marketplace}:{invoice_id}")


async def invoices(
    connection: Connection,
    *,
    marketplace: str | None = None,
    account: str | None = None,
    status: str | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> Page[InvoiceRow]:
    """Invoices, newest change first, narrowed by what is given."""
    columns = {"marketplace": marketplace, "account": account, "status": status}
    return await page(connection, READ_MODEL, columns, after=after, limit=limit)
