"""What is asked of the read model messages."""

from libs.db.pool import Connection
from libs.read_models.messages.project import READ_MODEL, MessageRow
from libs.read_models.reads import Cursor, Page, one, page


async def message(connection: Connection, marketplace: str, message_id: str) -> MessageRow | None:
    """One of them by its marketplace's own id."""
    return await one(connection, READ_MODEL, f"{marketplace}:{message_id}")


async def messages(
    connection: Connection,
    *,
    marketplace: str | None = None,
    account: str | None = None,
    status: str | None = None,
    thread_id: str | None = None,
    direction: str | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> Page[MessageRow]:
    """Messages, newest change first, narrowed by what is given."""
    columns = {
        "marketplace": marketplace,
        "account": account,
        "status": status,
        "thread_id": thread_id,
        "direction": direction,
    }
    return await page(connection, READ_MODEL, columns, after=after, limit=limit)
