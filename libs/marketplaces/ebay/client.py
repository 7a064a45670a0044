"""eBay's API as we ask it: one account's items, offers, orders and reports.

    async with ApiClient("ebay", ApiSettings(base_url=…), limiter) as api:
        tokens = RotatingTokens("ebay", account, store, refresh_grant(api, application))
        ebay = Ebay(api, tokens, "EBAY_US")
        async for page in ebay.inventory.pages(): …
        offers = await ebay.offers.of_sku(sku)

Every call raises one of libs.http.errors, chosen by eBay's own error ids (errors.py). Retries with exponential backoff
and jitter, `Retry-After`, the rate limiter, the circuit and one token refresh on 401 are those of the `ApiClient`.
"""

from libs.http.client import ApiClient
from libs.http.tokens import TokenProvider
from libs.marketplaces.ebay.caller import EbayCaller
from libs.marketplaces.ebay.feed import Feed
from libs.marketplaces.ebay.inventory import Inventory
from libs.marketplaces.ebay.offers import Offers
from libs.marketplaces.ebay.orders import Orders
from libs.marketplaces.ebay.publishing import Publishing

BASE_URL = "https://api.ebay.com"


class Ebay:
    """One account at eBay, on one marketplace. `api` is shared by all accounts: limits and the circuit are shared."""

    def __init__(
        self, api: ApiClient, tokens: TokenProvider, marketplace_id: str = "EBAY_US", *, past_circuit: bool = False
    ) -> None:
        caller = EbayCaller(api, tokens, marketplace_id, past_circuit=past_circuit)
        self._api = api
        self._tokens = tokens
        self.marketplace_id = marketplace_id
        self.inventory = Inventory(caller)
        self.offers = Offers(caller)
        self.orders = Orders(caller)
        self.feed = Feed(caller)
        self.publishing = Publishing(caller)

    def past_circuit(self) -> "Ebay":
        """The same account, asked also while the circuit is open: for who knows, or finds out, that eBay is there."""
        return Ebay(self._api, self._tokens, self.marketplace_id, past_circuit=True)
