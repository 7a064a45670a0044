"""What handling a record does outside of sellstream, by consumer: for whoever decides about its dead letters.

Who is not named here can do nothing outside; tests/contract/test_replays.py finds that out from what each imports.
"""

from collections.abc import Mapping

EFFECTS: Mapping[str, str] = {
    "amazon_orders": "asks Amazon for orders, within their quota",
    "ebay_sync": "asks eBay for orders, within its quota",
    "interlock": "takes listings off at marketplaces, or puts them on again",
    "market_data": "asks Notion for what was noted there",
    "mercadolibre_enricher": "asks MercadoLibre for what a notification points to, within its quota",
    "pricing": "may change a price, which the publisher carries to the marketplace",
    "product_search": "asks StockX, GOAT and eBay for products, within their quotas",
    "publisher": "makes, changes or ends listings at marketplaces",
    "stockx_poller": "makes, changes or ends listings at StockX, within its quota",
}
