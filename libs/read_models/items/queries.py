"""What is asked of the read model items."""

from decimal import Decimal

from libs.db.pool import Connection
from libs.read_models.items.project import READ_MODEL, ItemRow
from libs.read_models.reads import SCHEMA, one

MOST_PRICES = 1_000


async def item(connection: Connection, marketplace: str, item_id: str) -> ItemRow | None:
    """One item by its marketplace's own id."""
    return await one(connection, READ_MODEL, f"{marketplace}:{item_id}")


async def prices_of_product(connection: Connection, row: ItemRow) -> list[Decimal]:
    """What others ask for the same catalog product, in the same currency and condition; at most MOST_PRICES prices."""
    if row.product_id is None or row.currency_id is None:
        return []
    found = await connection.fetch(
        f"""
        SELECT price FROM {SCHEMA}.items
        WHERE product_id = $1 AND currency_id = $2 AND condition IS NOT DISTINCT FROM $3 AND marketplace = $4
          AND key <> $5 AND price > 0 AND (status IS NULL OR status = 'active')
        ORDER BY key LIMIT {MOST_PRICES}
        """,  # noqa: S608  (names of our own declarations)
        row.product_id,
        row.currency_id,
        row.condition,
        row.marketplace,
        row.key,
    )
    return [record["price"] for record in found]
