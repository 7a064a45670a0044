"""A product of StockX's catalog in our terms."""

from datetime import date
from decimal import Decimal
from typing import Any

from libs.marketplaces.stockx.product import Product
from libs.marketplaces.stockx.values import whole
from libs.products.merge import AtStockX
from schemas.values import Json, Money

RETAIL_CURRENCY = "USD"
"""StockX tells retail prices in US dollars, whatever the market's currency."""


def at_stockx(product: Product, similarity: float) -> AtStockX:
    """The product as it is kept; `similarity` of its style code to the one that was looked for."""
    told = product.product_attributes
    price = None if told is None else told.retail_price
    return AtStockX(
        product_id=product.product_id,
        style_id=product.style_id,
        similarity=Decimal(str(round(similarity, 4))),
        url_key=product.url_key,
        title=product.title,
        brand=product.brand,
        colorway=told.colorway if told else None,
        product_type=product.product_type,
        gender=told.gender if told else None,
        season=told.season if told else None,
        release_date=release_date(product),
        retail_price=None if price is None else Money(amount=price, currency=RETAIL_CURRENCY),
        image_url=media(product).get("imageUrl"),
        raw=whole(product),
    )


def release_date(product: Product) -> date | None:
    """The day of the release; None where the catalog has a blank or words."""
    told = product.product_attributes.release_date if product.product_attributes else None
    try:
        return date.fromisoformat(told) if told else None
    except ValueError:
        return None


def media(product: Product) -> dict[str, str]:
    """`imageUrl` and `thumbUrl`, as far as they are told: the official contract has no images, its document has."""
    told: Any = (product.model_extra or {}).get("media")
    if not isinstance(told, dict):
        return {}
    return {name: url for name in ("imageUrl", "thumbUrl") if isinstance(url := told.get(name), str) and url}


def product_of(kept: Json) -> Product:
    """The product that `whole` wrote down."""
    return Product.read(kept)
