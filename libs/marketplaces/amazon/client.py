"""Amazon's Selling Partner API as we ask it: one seller's listings and orders.

    async with ApiClient("amazon", ApiSettings(base_url=…)) as api, ApiClient("amazon_login", …) as login:
        tokens = RotatingTokens("amazon", account, store, refresh_grant(login, application))
        amazon = Amazon(api, tokens, seller_id)
        await amazon.listings.put(sku, MARKETPLACES["US"].id, "SHOES", "LISTING", attributes)

Every call raises one of libs.http.errors (caller.py). Each operation has a rate of its own, which
`x-amzn-RateLimit-Limit` tells and 429 enforces: the `ApiClient` backs off per operation.
"""

from dataclasses import dataclass

from libs.http.client import ApiClient
from libs.http.tokens import TokenProvider
from libs.marketplaces.amazon.caller import AmazonCaller
from libs.marketplaces.amazon.listings import Listings
from libs.marketplaces.amazon.orders import Orders

BASE_URL = "https://sellingpartnerapi-na.amazon.com"


@dataclass(frozen=True, slots=True)
class AmazonMarketplace:
    """A country's marketplace: its id, currency, and the language of its texts."""

    id: str
    currency: str
    language: str


MARKETPLACES = {
    "US": AmazonMarketplace("ATVPDKIKX0DER", "USD", "en_US"),
    "CA": AmazonMarketplace("A2EUQ1WTGCTBG2", "CAD", "en_CA"),
    "MX": AmazonMarketplace("A1AM78C64UM0Y8", "MXN", "es_MX"),
    "BR": AmazonMarketplace("A2Q3Y263D00KWC", "BRL", "pt_BR"),
    "GB": AmazonMarketplace("A1F83G8C2ARO7P", "GBP", "en_GB"),
    "DE": AmazonMarketplace("A1PA6795UKMFR9", "EUR", "de_DE"),
    "ES": AmazonMarketplace("A1RKKUPIHCS9HS", "EUR", "es_ES"),
    "FR": AmazonMarketplace("A13V1IB3VIYZZH", "EUR", "fr_FR"),
    "IT": AmazonMarketplace("APJ6JRA9NG5V4", "EUR", "it_IT"),
}
"""By country. Source: SP-API, "Marketplace IDs"."""


class Amazon:
    """One seller at Amazon. `api` is shared by all sellers."""

    def __init__(self, api: ApiClient, tokens: TokenProvider, seller_id: str) -> None:
        caller = AmazonCaller(api, tokens)
        self.listings = Listings(caller, seller_id)
        self.orders = Orders(caller)
