"""What is asked of the read model search_runs."""

from libs.db.pool import Connection
from libs.read_models.reads import Cursor, Page, one, page
from libs.read_models.search_runs.project import READ_MODEL, SearchRunRow


async def search_run(connection: Connection, marketplace: str, search_run_id: int) -> SearchRunRow | None:
    """One run by its number; None for a deleted one."""
    row = await one(connection, READ_MODEL, f"{marketplace}:{search_run_id}")
    return None if row is None or row.deleted else row


async def search_runs(
    connection: Connection,
    *,
    site_id: str | None = None,
    query_text: str | None = None,
    status: str | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> Page[SearchRunRow]:
    """Runs, newest change first, narrowed by what is given."""
    columns = {"site_id": site_id, "query_text": query_text, "status": status, "deleted": False}
    return await page(connection, READ_MODEL, columns, after=after, limit=limit)
