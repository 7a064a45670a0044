"""What is asked of the read model questions."""

from libs.db.pool import Connection
from libs.read_models.questions.project import READ_MODEL, QuestionRow
from libs.read_models.reads import Cursor, Page, one, page


async def question(connection: Connection, marketplace: str, question_id: str) -> QuestionRow | None:
    """One question by its marketplace's own id."""
    return await one(connection, READ_MODEL, f"{marketplace}:{question_id}")


async def questions(
    connection: Connection,
    *,
    marketplace: str | None = None,
    account: str | None = None,
    status: str | None = None,
    listing_id: str | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> Page[QuestionRow]:
    """Questions, newest change first, narrowed by what is given (`status="open"`: those that wait for an answer)."""
    columns = {"marketplace": marketplace, "account": account, "status": status, "listing_id": listing_id}
    return await page(connection, READ_MODEL, columns, after=after, limit=limit)
