"""The publisher against the sandbox's sellers: its settings, and the service as its app builds it, with its workers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from libs.bus.settings import KafkaSettings
from libs.channels.settings import SellingSettings
from libs.db.settings import DatabaseSettings
from libs.jobs import WorkerSettings
from libs.secrets.settings import SecretsSettings
from services.publisher.app import build
from services.publisher.config import Config
from tests.ebay_account import QUICK
from tests.integration.running_sandbox import Sandbox
from tests.integration.selling_channels import EBAY_DEFAULTS
from tests.serving import working

WORKER: dict[str, Any] = {
    "lock_seconds": 1.0,
    "sleep_empty": 0.2,
    "sleep_error": 0.2,
    "backoff_base_seconds": 0.2,
    "backoff_max_seconds": 0.5,
}


async def selling(made: Sandbox, **apis: Any) -> dict[str, Any]:
    """The fields of SellingSettings for a sandbox's first sellers: Amazon and eBay in the US, MercadoLibre in MX."""
    told = await made.control("GET", "/_accounts")
    amazon, ebay, mercadolibre = (told[name] for name in ("amazon", "ebay", "mercadolibre"))
    accounts = [
        {
            "channel": "amazon",
            "market": "US",
            "account": "main",
            "client_id": amazon["client_id"],
            "client_secret": amazon["client_secret"],
            "refresh_token": amazon["sellers"][0]["refresh_token"],
            "seller_id": amazon["sellers"][0]["seller_id"],
            "settle_seconds": 0.1,
        },
        {
            "channel": "ebay",
            "market": "US",
            "account": ebay["sellers"][0]["username"],
            "client_id": ebay["client_id"],
            "client_secret": ebay["client_secret"],
            "refresh_token": ebay["sellers"][0]["refresh_token"],
            "defaults": EBAY_DEFAULTS,
        },
        {
            "channel": "mercadolibre",
            "market": "MX",
            "account": "main",
            "client_id": str(mercadolibre["application_id"]),
            "client_secret": mercadolibre["client_secret"],
            "refresh_token": mercadolibre["sellers"][0]["refresh_token"],
            "user_id": str(mercadolibre["sellers"][0]["user_id"]),
            "defaults": {"category_id": "MLM1055"},
        },
    ]
    options = {**QUICK, **apis}
    bases = {"amazon": "amazon", "amazon_login": "amazon", "ebay": "ebay", "mercadolibre": "mercadolibre"}
    return {
        "accounts": accounts,
        **{name: {"base_url": f"{made.base}/{place}", **options} for name, place in bases.items()},
    }


@asynccontextmanager
async def publisher_service(
    url: str,
    kafka: KafkaSettings,
    secrets: str,
    made: Sandbox,
    workers: tuple[str, ...] = ("consumer", "worker", "prices"),
    oldest_rate_days: int = 7,
    **worker: Any,
) -> AsyncIterator[None]:
    """The publisher, at work. `secrets`: the keys that seal its tokens."""
    config = Config(
        kafka=kafka,
        database=DatabaseSettings(url=url),
        secrets=SecretsSettings(keys=SecretStr(secrets)),
        selling=SellingSettings(**await selling(made, attempts=1)),
        worker=WorkerSettings(**{**WORKER, **worker}),
        port=0,
        oldest_rate_days=oldest_rate_days,
    )
    async with build(config) as service, working(service, workers):
        yield
