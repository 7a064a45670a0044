"""The sync document's way, as it describes `sync_all_offers`: one call after the other, one upsert per offer.

Its pauses of 0.2 to 0.8 s between requests are left out: they would make it several times slower. Its calls are those
of the document; what it stores are the columns of an offer, with the whole answer beside them.
"""

import json
from typing import Any

import aiohttp
import asyncpg

_TABLE = """
CREATE TABLE IF NOT EXISTS public.document_offers (
    offer_id text PRIMARY KEY, sku_code text, status text, price_value numeric, price_currency text, quantity integer,
    raw_payload jsonb, rec_updated timestamptz
)
"""
_UPSERT = """
INSERT INTO public.document_offers VALUES ($1, $2, $3, $4::text::numeric, $5, $6, $7, now())
ON CONFLICT (offer_id) DO UPDATE SET sku_code = excluded.sku_code, status = excluded.status,
    price_value = excluded.price_value, price_currency = excluded.price_currency, quantity = excluded.quantity,
    raw_payload = excluded.raw_payload, rec_updated = excluded.rec_updated
"""
_NO_OFFERS = 404


async def sync_all_offers(base: str, token: str, database_url: str, most_skus: int) -> tuple[int, int]:
    """Synchronise the offers of so many SKUs; return how many SKUs and how many offers that were."""
    headers = {"Authorization": f"Bearer {token}", "X-EBAY-C-MARKETPLACE-ID": "EBAY_US"}
    database = await asyncpg.connect(database_url)
    try:
        await database.execute(_TABLE)
        async with aiohttp.ClientSession(headers=headers) as http:
            skus = await _skus(http, base, most_skus)
            offers = 0
            for sku in skus:
                for offer in await _offers(http, base, sku):
                    await _store(database, offer)
                    offers += 1
    finally:
        await database.close()
    return len(skus), offers


async def _skus(http: aiohttp.ClientSession, base: str, most: int) -> list[str]:
    skus: list[str] = []
    page = 0
    while True:
        query = {"limit": "200", "offset": str(page)}
        async with http.get(f"{base}/sell/inventory/v1/inventory_item", params=query) as answer:
            answer.raise_for_status()
            told = await answer.json()
        skus += [item["sku"] for item in told["inventoryItems"]]
        page += 1
        if "next" not in told or len(skus) >= most:
            return skus[:most]


async def _offers(http: aiohttp.ClientSession, base: str, sku: str) -> list[dict[str, Any]]:
    query = {"sku": sku, "limit": "200", "offset": "0"}
    async with http.get(f"{base}/sell/inventory/v1/offer", params=query) as answer:
        if answer.status == _NO_OFFERS:
            return []
        answer.raise_for_status()
        offers: list[dict[str, Any]] = (await answer.json())["offers"]
        return offers


async def _store(database: "asyncpg.Connection[asyncpg.Record]", offer: dict[str, Any]) -> None:
    price = offer["pricingSummary"].get("price", {})
    await database.execute(
        _UPSERT,
        offer["offerId"],
        offer["sku"],
        offer["status"],
        price.get("value"),
        price.get("currency"),
        offer["availableQuantity"],
        json.dumps(offer),
    )
