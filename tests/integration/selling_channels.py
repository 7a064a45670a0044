"""Sales channels of the sandbox's sellers, one per marketplace, for tests of selling."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any

from pydantic import SecretStr

from libs.http.client import ApiClient, ApiSettings
from libs.marketplaces.amazon import oauth as amazon_oauth
from libs.marketplaces.amazon.client import Amazon
from libs.marketplaces.amazon.selling import AmazonChannel
from libs.marketplaces.ebay import oauth as ebay_oauth
from libs.marketplaces.ebay.client import Ebay
from libs.marketplaces.ebay.selling import EbayChannel
from libs.marketplaces.mercadolibre import oauth as mercadolibre_oauth
from libs.marketplaces.mercadolibre.client import MercadoLibre
from libs.marketplaces.mercadolibre.selling import MercadoLibreChannel
from libs.selling.channel import SalesChannel, Wanted
from schemas.values import Json, Money
from tests.ebay_account import QUICK, OneToken
from tests.integration.running_sandbox import Sandbox

EBAY_DEFAULTS = {
    "fulfillmentPolicyId": "6000000003",
    "paymentPolicyId": "6000000001",
    "returnPolicyId": "6000000002",
    "merchantLocationKey": "main",
    "categoryId": "15709",
}
PAYLOAD: Json = {
    "condition": "new",
    "brand": "Apple",
    "model": "A2890",
    "images": ["https://images.invalid/1.jpg"],
    "category_id": "MLM1055",
}


def wanted(channel: SalesChannel, sku: str = "SS-1", price: str = "799.99", **payload: Any) -> Wanted:
    """A phone, to be listed."""
    money = Money(amount=Decimal(price), currency=channel.currency)
    return Wanted(sku, "Apple iPhone 15 128GB", 2, money, {**PAYLOAD, **payload})


@asynccontextmanager
async def channels(made: Sandbox, **settings: Any) -> AsyncIterator[dict[str, SalesChannel]]:
    """The first seller's channel at Amazon (US), eBay (US) and MercadoLibre (MX), by name."""
    told = await made.control("GET", "/_accounts")
    async with AsyncExitStack() as stack:

        async def api(name: str) -> ApiClient:
            options = ApiSettings(base_url=f"{made.base}/{name}", **{**QUICK, **settings})
            return await stack.enter_async_context(ApiClient(name, options))

        amazon, ebay, mercadolibre = [await api(name) for name in ("amazon", "ebay", "mercadolibre")]
        seller = told["amazon"]["sellers"][0]
        amazon_tokens = OneToken(
            amazon_oauth.refresh_grant(
                amazon,
                amazon_oauth.AmazonApplication(
                    client_id=told["amazon"]["client_id"], client_secret=told["amazon"]["client_secret"]
                ),
            ),
            seller["refresh_token"],
        )
        application = ebay_oauth.EbayApplication(
            client_id=told["ebay"]["client_id"], client_secret=told["ebay"]["client_secret"]
        )
        ebay_tokens = OneToken(ebay_oauth.refresh_grant(ebay, application), told["ebay"]["sellers"][0]["refresh_token"])
        user = told["mercadolibre"]["sellers"][0]
        mercadolibre_tokens = OneToken(
            mercadolibre_oauth.refresh_grant(
                mercadolibre,
                str(told["mercadolibre"]["application_id"]),
                SecretStr(told["mercadolibre"]["client_secret"]),
            ),
            user["refresh_token"],
        )
        yield {
            "amazon": AmazonChannel(Amazon(amazon, amazon_tokens, seller["seller_id"]), "US"),
            "ebay": EbayChannel(Ebay(ebay, ebay_tokens), "US", EBAY_DEFAULTS),
            "mercadolibre": MercadoLibreChannel(
                MercadoLibre(mercadolibre, mercadolibre_tokens, str(user["user_id"])), "MX"
            ),
        }


async def on_sale(made: Sandbox, name: str, sku: str) -> list[str]:
    """What can be bought under a SKU, by the truth of the sandbox: the listings' ids."""
    if name == "amazon":
        found = (await made.control("GET", "/_world/listings?marketplace=amazon&limit=10000"))["listings"]
        return [
            one["summaries"][0].get("asin", "")
            for one in found
            if one["sku"] == sku and "BUYABLE" in one["summaries"][0]["status"]
        ]
    if name == "ebay":
        inventory = (await made.control("GET", "/_ebay/inventory?limit=100"))["inventory"]
        offers = [offer for one in inventory for offer in one["offers"] if offer["sku"] == sku]
        return [offer["listing"]["listingId"] for offer in offers if offer["status"] == "PUBLISHED"]
    items = (await made.control("GET", "/_world/items?marketplace=mercadolibre&limit=10000"))["items"]
    skus = [(one, each["value_name"]) for one in items for each in one["attributes"] if each["id"] == "SELLER_SKU"]
    return [one["id"] for one, told in skus if told == sku and one["status"] == "active"]
