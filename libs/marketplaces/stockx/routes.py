"""StockX's operations: method and route. What is not listed here cannot be called: nothing would count it.

Source: StockX Public API 2.0.0 (developer.stockx.com), paths relative to `/v2`.
"""

SEARCH = "/catalog/search"
PRODUCT = "/catalog/products/{productId}"
VARIANTS = "/catalog/products/{productId}/variants"
VARIANT = "/catalog/products/{productId}/variants/{variantId}"
GTIN = "/catalog/products/variants/gtins/{gtin}"
PRODUCT_MARKET = "/catalog/products/{productId}/market-data"
VARIANT_MARKET = "/catalog/products/{productId}/variants/{variantId}/market-data"
LISTINGS = "/selling/listings"
LISTING = "/selling/listings/{listingId}"
ACTIVATE = "/selling/listings/{listingId}/activate"
DEACTIVATE = "/selling/listings/{listingId}/deactivate"
OPERATIONS = "/selling/listings/{listingId}/operations"
OPERATION = "/selling/listings/{listingId}/operations/{operationId}"
BATCHES = "/selling/batch/{kind}"
BATCH = "/selling/batch/{kind}/{batchId}"
BATCH_ITEMS = "/selling/batch/{kind}/{batchId}/items"
ACTIVE_ORDERS = "/selling/orders/active"
PAST_ORDERS = "/selling/orders/history"
ORDER = "/selling/orders/{orderNumber}"
SHIPPING_DOCUMENTS = "/selling/orders/{orderNumber}/shipping-document"
SHIPPING_DOCUMENT = "/selling/orders/{orderNumber}/shipping-document/{shippingId}"

_READ = (
    SEARCH,
    PRODUCT,
    VARIANTS,
    VARIANT,
    GTIN,
    PRODUCT_MARKET,
    VARIANT_MARKET,
    LISTINGS,
    LISTING,
    OPERATIONS,
    OPERATION,
    BATCH,
    BATCH_ITEMS,
    ACTIVE_ORDERS,
    PAST_ORDERS,
    ORDER,
    SHIPPING_DOCUMENTS,
    SHIPPING_DOCUMENT,
)

ROUTES: tuple[str, ...] = (
    *(f"GET {route}" for route in _READ),
    f"POST {LISTINGS}",
    f"PATCH {LISTING}",
    f"DELETE {LISTING}",
    f"PUT {ACTIVATE}",
    f"PUT {DEACTIVATE}",
    f"POST {BATCHES}",
)
