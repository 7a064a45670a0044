"""StockX's API as we ask it: the catalog, the market, and one account's listings, operations, batches and orders.

    limits = StockXLimits()
    async with (
        ApiClient("stockx", api_settings(), SharedRateLimiter(database, limits.rules())) as api,
        ApiClient("stockx_accounts", ApiSettings(base_url=BASE_URL_OF_ACCOUNTS)) as accounts,
    ):
        tokens = RotatingTokens("stockx", account, store, refresh_grant(accounts, application))
        stockx = StockX(api, tokens, api_key, SharedAllowance(database, limits.item_quotas()))
        operation = await stockx.listings.create(NewListing(variant_id=…, amount=Decimal(150)))
        operation = await stockx.operations.operation(operation.listing_id, operation.operation_id)

Every call raises one of errors.py's outcomes. Retries of reads, `Retry-After`, the limits, the circuit and one token
refresh on 401 are those of the `ApiClient`.
"""

from pydantic import HttpUrl, SecretStr

from libs.http.client import ApiClient, ApiSettings
from libs.http.tokens import TokenProvider
from libs.marketplaces.stockx.batch import LARGEST_BATCH, LARGEST_CREATION
from libs.marketplaces.stockx.batches import Batches
from libs.marketplaces.stockx.caller import StockXCaller
from libs.marketplaces.stockx.catalog import Catalog
from libs.marketplaces.stockx.limits import Allowance
from libs.marketplaces.stockx.listings import Listings
from libs.marketplaces.stockx.market_data import Markets
from libs.marketplaces.stockx.operations import Operations
from libs.marketplaces.stockx.orders import Orders

BASE_URL = "https://api.stockx.com/v2"


def api_settings(base_url: str = BASE_URL) -> ApiSettings:
    """How StockX is reached: 10 s for an answer; five failures in a row open the circuit for 60 s.

    A 429 that does not tell for how long stops all for a minute: on no account is a spent quota run against.
    """
    return ApiSettings(
        base_url=HttpUrl(base_url),
        timeout_seconds=10.0,
        circuit_failures=5,
        circuit_open_seconds=60.0,
        unnamed_retry_seconds=60.0,
    )


class StockX:
    """One account at StockX. `api` and `allowance` are shared by all accounts: limits are the application's."""

    def __init__(
        self,
        api: ApiClient,
        tokens: TokenProvider,
        api_key: SecretStr,
        allowance: Allowance,
        *,
        largest_batch: int = LARGEST_BATCH,
        largest_creation: int = LARGEST_CREATION,
    ) -> None:
        caller = StockXCaller(api, tokens, api_key)
        self.catalog = Catalog(caller)
        self.markets = Markets(caller)
        self.listings = Listings(caller)
        self.operations = Operations(caller)
        self.batches = Batches(caller, allowance, largest_batch, largest_creation)
        self.orders = Orders(caller)
