"""What is asked of the read model claims."""

from libs.db.pool import Connection
from libs.read_models.claims.project import READ_MODEL, ClaimRow
from libs.read_models.reads import Cursor, Page, one, page


async def claim(connection: Connection, marketplace: str, claim_id: str) -> ClaimRow | None:
    """One of them by its marketplace's own id."""
    return await one(connection, READ_MODEL, f"{marketplace}:{claim_id}")


async def claims(
    connection: Connection,
    *,
    marketplace: str | None = None,
    account: str | None = None,
    status: str | None = None,
    order_id: str | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> Page[ClaimRow]:
    """Claims, newest change first, narrowed by what is given."""
    columns = {"marketplace": marketplace, "account": account, "status": status, "order_id": order_id}
    return await page(connection, READ_MODEL, columns, after=after, limit=limit)
