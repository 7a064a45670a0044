"""What is asked of the read model item_scores."""

from libs.db.pool import Connection
from libs.read_models.item_scores.project import READ_MODEL, ItemScoreRow
from libs.read_models.reads import Cursor, Page, one, page


async def item_score(connection: Connection, marketplace: str, item_id: str) -> ItemScoreRow | None:
    """An item's score."""
    return await one(connection, READ_MODEL, f"{marketplace}:{item_id}")


async def item_scores(
    connection: Connection, *, product_id: str | None = None, after: Cursor | None = None, limit: int = 50
) -> Page[ItemScoreRow]:
    """Scores, newest first, narrowed by what is given."""
    return await page(connection, READ_MODEL, {"product_id": product_id}, after=after, limit=limit)
