"""Which products have no StockX id yet. The catalog's products are brought into the topic `products` first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from libs.commands.live_builds import LiveBuilds
from libs.commands.run import Commands
from libs.db.pool import Database, Record
from libs.products.merge import NoSku, Told, product_id
from libs.products.telling import telling
from libs.read_models import READ_MODELS
from libs.read_models.products.project import READ_MODEL as PRODUCTS
from libs.telemetry.log import get_logger

log = get_logger()

AT_ONCE = 200
"""Products of one command: the partitions of all are locked until it is done."""

_CATALOG = """
SELECT key, model, title, brand FROM read_models.unified_products
WHERE NOT deleted AND model <> '' AND key > $1 ORDER BY key LIMIT $2
"""
_KNOWN = "SELECT key FROM read_models.products WHERE key = ANY ($1::text[]) AND 'catalog' = ANY (sources)"
_COUNT = "SELECT count(*) FROM read_models.products WHERE stockx_status = ANY ($1::text[])"
_SKUS = """
SELECT key, sku FROM read_models.products WHERE stockx_status = ANY ($1::text[]) AND key > $2 ORDER BY key LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class Page:
    """Style codes in the order of their products' keys; `after` is where the next page begins, None at the end."""

    total: int
    skus: list[str]
    after: str | None


class Pending:
    """Reads and fills the read model `products`."""

    def __init__(self, database: Database, commands: Commands) -> None:
        self._database = database
        self._commands = commands
        self._builds = LiveBuilds(database)

    async def gather(self) -> int:
        """Tell of the catalog's products that `products` does not know; how many were new. Safe to repeat."""
        for model in (PRODUCTS, READ_MODELS["unified_products"]):
            await self._builds.live(model)  # its table may not have been made yet
        told, after = 0, ""
        while True:
            async with self._database.connection() as connection:
                rows = await connection.fetch(_CATALOG, after, AT_ONCE)
                news = [] if not rows else _news(rows)
                known = {row["key"] for row in await connection.fetch(_KNOWN, [product_id(one.sku) for one in news])}
            missing = [one for one in news if product_id(one.sku) not in known]
            if missing:
                told += len(await self._commands.run(telling(missing, datetime.now(UTC))))
            if len(rows) < AT_ONCE:
                return told
            after = rows[-1]["key"]

    async def page(self, *, again: bool, after: str, limit: int) -> Page:
        """Products that nobody looked for yet; with `again`, also those that StockX did not have."""
        await self._builds.live(PRODUCTS)
        statuses = ["unknown", "not_on_stockx"] if again else ["unknown"]
        async with self._database.connection() as connection:
            total = await connection.fetchval(_COUNT, statuses)
            rows = await connection.fetch(_SKUS, statuses, after, limit + 1)
        more = len(rows) > limit
        return Page(total, [row["sku"] for row in rows[:limit]], rows[limit - 1]["key"] if more else None)


def _news(rows: Sequence[Record]) -> list[Told]:
    news = []
    for row in rows:
        try:
            product_id(row["model"])
        except NoSku as error:
            log.warning("a product of the catalog has no style code", key=row["key"], why=str(error))
            continue
        news.append(Told(row["model"], "catalog", title=row["title"] or None, brand=row["brand"] or None))
    return news
