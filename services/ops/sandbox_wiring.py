"""Settings that let every service run against the sandbox, for who has configured no marketplace of his own."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import aiohttp

_CONFIGURES = (
    "WEBHOOK_GATEWAY_ACCOUNTS",
    "WEBHOOK_GATEWAY_ACCOUNTS_FILE",
    "MERCADOLIBRE_ENRICHER_ACCOUNTS",
    "MERCADOLIBRE_API_CLIENT_ID",
    "ML_CLIENT_ID",
    "EBAY_SYNC_ACCOUNTS",
    "STOCKX_POLLER_ACCOUNTS",
    "SELLING_ACCOUNTS",
    "PRODUCT_SEARCH_STOCKX",
    "MARKET_DATA_STOCKX",
)

_COUNTRIES = {"MLM": "MX", "MLB": "BR", "MLA": "AR"}
_EBAY_DEFAULTS = {
    "categoryId": "15709",
    "merchantLocationKey": "main",
    "fulfillmentPolicyId": "6000000003",
    "paymentPolicyId": "6000000001",
    "returnPolicyId": "6000000002",
}
"""What the sandbox's seller has set up at eBay."""

SANDBOX_USER = "1"
"""Our user whose account the sandbox's first eBay and StockX sellers are; the second ones' is 2, and so on."""

_STOCKX_POLLER = "http://127.0.0.1:8086"
_MERCADOLIBRE_API = "http://127.0.0.1:8083"  # where a browser on this machine finds it by default


def wants_sandbox(environ: Mapping[str, str]) -> bool:
    """Nobody has told of accounts at real marketplaces."""
    return not any(environ.get(name) for name in _CONFIGURES)


def sandbox_environment(gateway: str, mercadolibre_api: str = _MERCADOLIBRE_API) -> dict[str, str]:
    """The sandbox's own settings: where it sends its notifications, and people who have agreed. Both are base URLs."""
    return {
        "SANDBOX_MERCADOLIBRE_REDIRECT_URI": f"{mercadolibre_api}/mercadolibre/oauth/callback",
        "SANDBOX_MERCADOLIBRE_TARGET": f"{gateway}/mercadolibre/webhook",
        "SANDBOX_EBAY_TARGET": f"{gateway}/webhooks/ebay/main",
        "SANDBOX_SQUARE_TARGET": f"{gateway}/webhooks/square/main",
        "SANDBOX_NOTION_TARGET": f"{gateway}/webhooks/notion/sales",
    }


def services_environment(
    accounts: Mapping[str, Any],
    gateway: str,
    sandbox: str,
    *,
    sandbox_for_people: str | None = None,
    stockx_poller: str = _STOCKX_POLLER,
) -> dict[str, str]:
    """The services' settings for the sandbox's accounts (its `GET /_accounts`) and the base URLs.

    `sandbox_for_people`: where a browser finds the sandbox, if elsewhere than the services do.
    """
    mercadolibre, ebay, square = accounts["mercadolibre"], accounts["ebay"], accounts["square"]
    stockx = accounts["stockx"]
    gateway_accounts: list[dict[str, Any]] = [
        {
            "marketplace": "mercadolibre",
            "account": seller["nickname"].lower(),
            "user_ids": [seller["user_id"]],
            "application_id": mercadolibre["application_id"],
        }
        for seller in mercadolibre["sellers"]
    ]
    gateway_accounts += [
        {
            "marketplace": "ebay",
            "account": "main",
            "endpoint": f"{gateway}/webhooks/ebay/main",
            "verification_token": ebay["verification_token"],
            "client_id": ebay["client_id"],
            "client_secret": ebay["client_secret"],
            "base_url": f"{sandbox}/ebay",
        },
        {
            "marketplace": "square",
            "account": "main",
            "notification_url": f"{gateway}/webhooks/square/main",
            "signature_keys": [square["signature_key"]],
            "merchant_ids": [square["merchant_id"]],
        },
        {"marketplace": "notion", "account": "sales", **accounts["notion_webhooks"]},
    ]
    enricher_accounts = [
        {
            "account": seller["nickname"].lower(),
            "user_id": str(seller["user_id"]),
            "client_id": str(mercadolibre["application_id"]),
            "client_secret": mercadolibre["client_secret"],
            "refresh_token": seller["refresh_token"],
        }
        for seller in mercadolibre["sellers"]
    ]
    sync_accounts = [
        {
            "account": seller["username"],
            "user_id": str(number),
            "client_id": ebay["client_id"],
            "client_secret": ebay["client_secret"],
            "refresh_token": seller["refresh_token"],
            "destination": "main",
            "username": seller["username"],
        }
        for number, seller in enumerate(ebay["sellers"], int(SANDBOX_USER))
    ]
    poller_accounts = [
        {
            "account": seller["name"],
            "user_id": str(number),
            "client_id": stockx["client_id"],
            "client_secret": stockx["client_secret"],
            "api_key": stockx["api_key"],
            "refresh_token": seller["refresh_token"],
        }
        for number, seller in enumerate(stockx["sellers"], int(SANDBOX_USER))
    ]
    # One key, so that one token is good for both services that ask StockX.
    stockx_key = hashlib.sha256(f"stockx_poller {stockx['client_secret']}".encode()).hexdigest()
    searched_with = {name: value for name, value in poller_accounts[0].items() if name != "user_id"}
    return {
        "WEBHOOK_GATEWAY_ACCOUNTS": json.dumps(gateway_accounts),
        "MERCADOLIBRE_ENRICHER_ACCOUNTS": json.dumps(enricher_accounts),
        "MERCADOLIBRE_ENRICHER_API__BASE_URL": f"{sandbox}/mercadolibre",
        # Its time may run faster than ours, so that our hours are not its hours: it keeps limits itself, if asked to.
        "MERCADOLIBRE_ENRICHER_LIMITS": json.dumps(dict.fromkeys(("searches", "items", "users"), 1_000_000)),
        "MERCADOLIBRE_API_CLIENT_ID": str(mercadolibre["application_id"]),
        "MERCADOLIBRE_API_CLIENT_SECRET": mercadolibre["client_secret"],
        "MERCADOLIBRE_API_REDIRECT_URI": mercadolibre["redirect_uri"],
        "MERCADOLIBRE_API_AUTHORIZATION_URL": f"{sandbox_for_people or sandbox}/mercadolibre/authorization",
        "MERCADOLIBRE_API_API__BASE_URL": f"{sandbox}/mercadolibre",
        "EBAY_SYNC_ACCOUNTS": json.dumps(sync_accounts),
        "EBAY_SYNC_API__BASE_URL": f"{sandbox}/ebay",
        "EBAY_SYNC_ENVIRONMENT": "sandbox",
        # For `sellstream ebay authorise` and `sellstream stockx authorise`, which people use with a browser.
        "EBAY_AUTHORIZE_URL": f"{sandbox_for_people or sandbox}/ebay/oauth2/authorize",
        "EBAY_RU_NAME": ebay["ru_name"],
        "EBAY_REDIRECT_URL": ebay["redirect_url"],
        "STOCKX_REDIRECT_URI": stockx["redirect_uri"],
        # As made up as the sandbox's other secrets, and as stable: it is derived from one of them.
        "EBAY_SYNC_JWT_KEY": hashlib.sha256(f"ebay_sync {ebay['client_secret']}".encode()).hexdigest(),
        "EXCHANGE_RATES_API__BASE_URL": f"{sandbox}/ecb",
        # The sandbox's bank publishes real days, by the sandbox's clock: they may be long past.
        "PUBLISHER_OLDEST_RATE_DAYS": "36500",
        "AMAZON_ORDERS_BACK": "P36500D",  # the same of its Amazon
        "STOCKX_POLLER_ACCOUNTS": json.dumps(poller_accounts),
        "STOCKX_POLLER_API__BASE_URL": f"{sandbox}/stockx/v2",
        "STOCKX_POLLER_ACCOUNTS_URL": f"{sandbox}/stockx",
        "STOCKX_POLLER_JWT_KEY": stockx_key,
        **_selling(accounts, sandbox, stockx_poller, stockx_key),
        "PRODUCT_SEARCH_STOCKX": json.dumps(searched_with),
        "PRODUCT_SEARCH_API__BASE_URL": f"{sandbox}/stockx/v2",
        "PRODUCT_SEARCH_ACCOUNTS_URL": f"{sandbox}/stockx",
        "PRODUCT_SEARCH_JWT_KEY": stockx_key,
        "PRODUCT_SEARCH_GOAT": json.dumps({"token": accounts["goat"]["token"], "base_url": f"{sandbox}/goat/api/v1"}),
        "MARKET_DATA_STOCKX": json.dumps(searched_with),
        "MARKET_DATA_API__BASE_URL": f"{sandbox}/stockx/v2",
        "MARKET_DATA_ACCOUNTS_URL": f"{sandbox}/stockx",
        "MARKET_DATA_JWT_KEY": stockx_key,
        "MARKET_DATA_GOAT": json.dumps({"token": accounts["goat"]["token"], "base_url": f"{sandbox}/goat/api/v1"}),
        "MARKET_DATA_NOTION": json.dumps(
            {
                **accounts["notion"],
                "user_id": SANDBOX_USER,
                "base_url": f"{sandbox}/notion/v1",
                "destination": "sales",
            }
        ),
        "PRODUCT_SEARCH_KLEKT": json.dumps({"base_url": f"{sandbox}/klekt"}),
        "PRODUCT_SEARCH_EBAY": json.dumps(
            {
                "client_id": ebay["client_id"],
                "client_secret": ebay["client_secret"],
                "base_url": f"{sandbox}/ebay",
            }
        ),
    }


def _selling(accounts: Mapping[str, Any], sandbox: str, stockx_poller: str, stockx_key: str) -> dict[str, str]:
    """The first seller of each marketplace sells in the US, those at MercadoLibre in their countries."""
    amazon, ebay, mercadolibre, stockx = (accounts[name] for name in ("amazon", "ebay", "mercadolibre", "stockx"))
    seller, ebay_seller = amazon["sellers"][0], ebay["sellers"][0]
    sellers: list[dict[str, Any]] = [
        {
            "channel": "amazon",
            "market": "US",
            "account": "main",
            "client_id": amazon["client_id"],
            "client_secret": amazon["client_secret"],
            **seller,
            "settle_seconds": 2,
        },
        {
            "channel": "ebay",
            "market": "US",
            "account": ebay_seller["username"],
            "client_id": ebay["client_id"],
            "client_secret": ebay["client_secret"],
            "refresh_token": ebay_seller["refresh_token"],
            "defaults": _EBAY_DEFAULTS,
        },
        {"channel": "stockx", "market": "US", "account": stockx["sellers"][0]["name"], "user_id": SANDBOX_USER},
    ]
    for each in {one["site_id"]: one for one in reversed(mercadolibre["sellers"])}.values():
        site = each["site_id"]
        sellers.append(
            {
                "channel": "mercadolibre",
                "market": _COUNTRIES[site],
                "account": each["nickname"].lower(),
                "client_id": str(mercadolibre["application_id"]),
                "client_secret": mercadolibre["client_secret"],
                "refresh_token": each["refresh_token"],
                "user_id": str(each["user_id"]),
                "defaults": {"category_id": f"{site}1055"},
            }
        )
    return {
        "SELLING_ACCOUNTS": json.dumps(sellers),
        "SELLING_AMAZON__BASE_URL": f"{sandbox}/amazon",
        "SELLING_AMAZON_LOGIN__BASE_URL": f"{sandbox}/amazon",
        "SELLING_EBAY__BASE_URL": f"{sandbox}/ebay",
        "SELLING_MERCADOLIBRE__BASE_URL": f"{sandbox}/mercadolibre",
        "SELLING_STOCKX_COMMANDS__BASE_URL": stockx_poller,
        "SELLING_STOCKX_JWT_KEY": stockx_key,
    }


async def read_accounts(sandbox: str) -> dict[str, Any]:
    """The accounts of a running sandbox."""
    async with aiohttp.ClientSession(raise_for_status=True) as session, session.get(f"{sandbox}/_accounts") as answer:
        accounts: dict[str, Any] = await answer.json()
        return accounts


def dotenv(environment: Mapping[str, str]) -> str:
    """The text of an env file, values in single quotes (no value of ours holds one)."""
    return "".join(f"{name}='{value}'\n" for name, value in environment.items())
