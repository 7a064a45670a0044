"""One product learns its StockX id, or that StockX does not have it."""

from datetime import UTC, datetime

from libs.commands.command import Command
from libs.commands.run import Commands
from libs.products.at_stockx import at_stockx
from libs.products.lookup import ProductLookup
from libs.products.merge import found, not_found, product_id
from libs.read_models.products.project import READ_MODEL as PRODUCTS
from services.product_search.messages import EnrichedTold
from services.product_search.reserve import Reserve


class NoProduct(LookupError):
    """There is no product with this style code."""


class Enriching:
    """`leaves` requests of a day are left to others."""

    def __init__(self, lookup: ProductLookup, commands: Commands, reserve: Reserve, leaves: int) -> None:
        self._lookup = lookup
        self._commands = commands
        self._reserve = reserve
        self._leaves = leaves

    async def enrich(self, sku: str) -> EnrichedTold:
        """Look a product up, and publish what came of it. Safe to repeat.

        Raises NoProduct, NoSku, ApiError (RateLimited where only the reserve is left), and those of libs.commands.
        """
        key = product_id(sku)
        await self._reserve.leave(self._leaves)
        hit = await self._lookup.find(sku)
        now = datetime.now(UTC)

        async def record(command: Command) -> None:
            row = await command.row(PRODUCTS, key)
            if row is None:
                raise NoProduct(f"there is no product {sku}: import it, or put it into the catalog, first")
            told = (
                not_found(row, sku, now)
                if hit is None
                else found(row, sku, at_stockx(hit.product, hit.similarity), now)
            )
            command.record(PRODUCTS, told)

        await self._commands.run(record)
        if hit is None:
            return EnrichedTold(sku=sku, outcome="not_on_stockx", stockx_product_id=None)
        return EnrichedTold(sku=sku, outcome="enriched", stockx_product_id=hit.product.product_id)
