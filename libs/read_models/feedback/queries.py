"""What is asked of the read model feedback."""

from libs.db.pool import Connection
from libs.read_models.feedback.project import READ_MODEL, FeedbackRow
from libs.read_models.reads import Cursor, Page, one, page


async def feedback_on(connection: Connection, marketplace: str, order_id: str) -> FeedbackRow | None:
    """One of them by its marketplace's own id."""
    return await one(connection, READ_MODEL, f"{marketplace}:{order_id}")


async def feedback(
    connection: Connection,
    *,
    marketplace: str | None = None,
    account: str | None = None,
    status: str | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> Page[FeedbackRow]:
    """Feedback, newest change first, narrowed by what is given."""
    columns = {"marketplace": marketplace, "account": account, "status": status}
    return await page(connection, READ_MODEL, columns, after=after, limit=limit)
