"""Products at StockX: by style code from the shared cache, and their sizes."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from libs.marketplaces.stockx.product import Product, Variant
from libs.matching.sku import normalised, same_but_for_lookalikes
from libs.products.lookup import ProductLookup
from libs.products.unreadable import KeptCatalog

_PREFIX = "US "
_SIZES_SECONDS = 3600.0
_MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Known:
    """A product, and the style code by which our facts call it: as StockX writes it."""

    product: Product
    sku: str


class Products:
    """Looks products up. Each method may raise ApiError and DatabaseAway."""

    def __init__(self, catalog: KeptCatalog, lookup: ProductLookup) -> None:
        self._catalog = catalog
        self._lookup = lookup
        self._sizes: dict[str, tuple[float, Mapping[str, str | None]]] = {}

    async def find(self, sku: str) -> Known | None:
        """The product with this style code; None if StockX has none. A merely similar code is another product."""
        found = await self._lookup.find(sku)
        if found is None:
            return None
        told = found.product.style_id or sku
        same = found.similarity == 1.0 or same_but_for_lookalikes(sku, told) or normalised(sku) in normalised(told)
        return Known(found.product, told) if same else None

    async def sizes(self, product_id: str) -> Mapping[str, str | None]:
        """The sizes of a product by the ids of its variants; None for what has no sizes. Asked for once an hour."""
        now = time.monotonic()
        known = self._sizes.get(product_id)
        if known is not None and now - known[0] < _SIZES_SECONDS:
            return known[1]
        sizes = {each.variant_id: size_of(each) for each in await self._catalog.variants(product_id)}
        if len(self._sizes) >= _MOST_KEPT:
            self._sizes.clear()
        self._sizes[product_id] = now, sizes
        return sizes


def size_of(variant: Variant) -> str | None:
    """A variant's size without the words of its kind: `10.5`."""
    told = (variant.variant_value or "").strip()
    return told.removeprefix(_PREFIX) or None


def plain_size(size: str | None) -> str | None:
    """A size in the form in which two of them are compared: `10.5` for `us 10.5`, `XL` for `xl`."""
    return (size or "").strip().upper().removeprefix(_PREFIX).strip() or None


def variant_of(sizes: Mapping[str, str | None], size: str | None) -> str | None:
    """The variant of a size; None if there is none."""
    plain = plain_size(size)
    return next((one for one, each in sizes.items() if plain_size(each) == plain), None)
