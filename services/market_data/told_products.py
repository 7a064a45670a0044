"""Imported products, told to the topic `products` as the catalog's are: so enrichment and everybody else sees them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from libs.commands.live_builds import LiveBuilds
from libs.commands.run import Commands
from libs.db.pool import Database
from libs.products.merge import Told, product_id
from libs.products.telling import telling
from libs.read_models.products.project import READ_MODEL as PRODUCTS

AT_ONCE = 200
"""Products of one command: the partitions of all are locked until it is done."""

_KNOWN = "SELECT key FROM read_models.products WHERE key = ANY ($1::text[]) AND $2 = ANY (sources)"


class ToldProducts:
    """Tells of products in the name of a source (`csv`, `notion`).

    Safe to repeat: a fact's key is the style code, and of what is known already nothing is published.
    """

    def __init__(self, database: Database, commands: Commands, source: str) -> None:
        self._database = database
        self._commands = commands
        self._builds = LiveBuilds(database)
        self._source = source

    async def tell(self, products: Iterable[tuple[str, str | None]]) -> int:
        """Tell of style codes with their titles; how many facts that made. Raises NoSku, and those of libs.commands."""
        await self._builds.live(PRODUCTS)  # its table may not have been made yet
        news: dict[str, Told] = {}
        for sku, title in products:
            news.setdefault(product_id(sku), Told(sku, self._source, title=title))
        made = 0
        for keys in _parts(sorted(news)):
            known = await self._known(keys)
            if new := [news[key] for key in keys if key not in known]:
                made += len(await self._commands.run(telling(new, datetime.now(UTC))))
        return made

    async def _known(self, keys: Sequence[str]) -> set[str]:
        async with self._database.connection() as connection:
            return {row["key"] for row in await connection.fetch(_KNOWN, keys, self._source)}


def _parts(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[begin : begin + AT_ONCE] for begin in range(0, len(keys), AT_ONCE))
