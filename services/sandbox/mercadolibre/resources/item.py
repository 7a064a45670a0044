"""GET /items/{id} of the caller's own items, and /items/{id}/prices."""

from typing import Any

from services.sandbox.mercadolibre.resources.values import major
from services.sandbox.mercadolibre.state import Item
from services.sandbox.times import zulu

_FOUND = (
    *("id", "title", "condition", "thumbnail_id", "catalog_product_id", "listing_type_id", "permalink", "buying_mode"),
    *("site_id", "category_id", "domain_id", "thumbnail", "currency_id", "price", "original_price"),
    *("available_quantity", "official_store_id", "shipping", "attributes"),
)
"""What a site's search shows of a listing."""


def item_body(item: Item) -> dict[str, Any]:
    """The listing as its seller sees it: `available_quantity` is the count, not a bucket."""
    sites = {"MLM": "com.mx", "MLB": "com.br", "MLA": "com.ar"}
    site = item.seller.site
    return {
        "id": item.id,
        "site_id": site.id,
        "title": item.title,
        "seller_id": item.seller.id,
        "category_id": item.category_id,
        "user_product_id": f"{site.id}U{item.id[3:]}",
        "official_store_id": None,
        "price": major(item.price),
        "base_price": major(item.price),
        "original_price": None,
        "currency_id": site.currency,
        "initial_quantity": item.quantity + item.sold,
        "available_quantity": item.quantity,
        "sold_quantity": item.sold,
        "sale_terms": [{"id": "WARRANTY_TIME", "name": "Tiempo de garantía", "value_name": "30 días"}],
        "buying_mode": "buy_it_now",
        "listing_type_id": "gold_special",
        "start_time": zulu(item.created),
        "stop_time": None,
        "condition": item.condition,
        "permalink": f"https://articulo.sandbox.invalid/{sites[site.id]}/{item.id}",
        "thumbnail_id": None,
        "thumbnail": None,
        "pictures": [],
        "shipping": {"mode": "me2", "methods": [], "tags": [], "free_shipping": False, "logistic_type": "drop_off"},
        "seller_address": {"city": {"name": site.city}, "state": {"name": site.state}, "country": {"id": site.country}},
        "attributes": [
            {"id": "BRAND", "name": "Marca", "value_id": None, "value_name": "Ñandú"},
            {"id": "SELLER_SKU", "name": "SKU", "value_id": None, "value_name": item.sku},
        ],
        "variations": [{"id": item.variation_id, "price": major(item.price)}] if item.variation_id else [],
        "status": item.status if item.quantity or item.status != "active" else "paused",
        "sub_status": ["out_of_stock"] if item.quantity == 0 and item.status == "active" else [],
        "tags": ["user_product_listing"],
        "warranty": "Garantía del vendedor: 30 días",
        "catalog_product_id": item.product_id,
        "domain_id": f"{site.id}-SNEAKERS",
        "parent_item_id": None,
        "health": 0.85,
        "catalog_listing": item.product_id is not None,
        "date_created": zulu(item.created),
        "last_updated": zulu(item.updated),
        "channels": ["marketplace"],
    }


def found_item(item: Item) -> dict[str, Any]:
    """The listing in a site's search, as it was shown to everybody before 2025."""
    whole = item_body(item)
    seller = {"id": item.seller.id, "nickname": item.seller.nickname}
    return {**{name: whole[name] for name in _FOUND}, "sale_price": None, "seller": seller}


def item_prices(item: Item) -> dict[str, Any]:
    """GET /items/{id}/prices: one standard price."""
    return {
        "id": item.id,
        "prices": [
            {
                "id": "1",
                "type": "standard",
                "amount": major(item.price),
                "regular_amount": None,
                "currency_id": item.seller.site.currency,
                "last_updated": zulu(item.updated),
            }
        ],
    }
