"""The catalog: search, products, variants, GTINs."""

from libs.marketplaces.stockx.caller import StockXCaller
from libs.marketplaces.stockx.paging import Page, page_query, read_array, read_page
from libs.marketplaces.stockx.product import Product, Variant
from libs.marketplaces.stockx.routes import GTIN, PRODUCT, SEARCH, VARIANT, VARIANTS

LARGEST_SEARCH_PAGE = 50
LONGEST_QUERY = 100


class Catalog:
    """StockX's goods; the same for every account."""

    def __init__(self, caller: StockXCaller) -> None:
        self._caller = caller

    async def search(self, query: str, *, page: int = 1, page_size: int = 10) -> Page[Product]:
        """One page of what StockX finds for a keyword, GTIN or style id (1 to 100 characters; pages of 1 to 50).

        The search is fuzzy: the first hit need not be the style that was asked for. Nothing found is an empty page.
        """
        if not 1 <= len(query) <= LONGEST_QUERY:
            raise ValueError(f"a query has 1 to {LONGEST_QUERY} characters, not {len(query)}")
        asked = page_query(page, page_size, LARGEST_SEARCH_PAGE, {"query": query})
        answer = await self._caller.call("GET", SEARCH, query=asked)
        return read_page(f"GET {SEARCH}", answer, Product, "products", page)

    async def product(self, product_id: str) -> Product:
        """One product; raises NotFound."""
        return await self._caller.read(Product, PRODUCT, {"productId": product_id})

    async def variants(self, product_id: str) -> tuple[Variant, ...]:
        """All sizes of a product; raises NotFound."""
        answer = await self._caller.call("GET", VARIANTS, ids={"productId": product_id})
        return read_array(f"GET {VARIANTS}", answer, Variant)

    async def variant(self, product_id: str, variant_id: str) -> Variant:
        """One size; raises NotFound, or BadRequest if it is not of this product."""
        return await self._caller.read(Variant, VARIANT, {"productId": product_id, "variantId": variant_id})

    async def variant_by_gtin(self, gtin: str) -> Variant:
        """The size with this GTIN; raises NotFound, or BadRequest if it is no GTIN."""
        return await self._caller.read(Variant, GTIN, {"gtin": gtin})
