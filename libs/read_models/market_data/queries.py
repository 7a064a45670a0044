"""What is asked of the read model market_data."""

from collections.abc import Collection

from libs.db.pool import Connection
from libs.projection.table import Table
from libs.read_models.market_data.project import READ_MODEL, MarketDataRow
from libs.read_models.reads import SCHEMA, where


async def market_of(connection: Connection, sku: str) -> list[MarketDataRow]:
    """A product's sizes on every platform, newest first."""
    return await where(connection, READ_MODEL, {"sku": sku})


async def markets(connection: Connection, keys: Collection[str]) -> dict[str, MarketDataRow]:
    """The rows of these keys (`stockx:HQ4276:10`)."""
    rows = await Table(READ_MODEL, SCHEMA).rows(connection, keys)
    return {key: row for key, row in rows.items() if isinstance(row, MarketDataRow)}
