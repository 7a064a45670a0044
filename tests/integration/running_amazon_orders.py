"""amazon_orders as its app builds it, against the sandbox's first seller, with its poll running."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from pydantic import SecretStr

from libs.bus.settings import KafkaSettings
from libs.channels.settings import SellingSettings
from libs.db.settings import DatabaseSettings
from libs.secrets.settings import SecretsSettings
from services.amazon_orders.app import build
from services.amazon_orders.config import Config
from tests.integration.running_publisher import selling
from tests.integration.running_sandbox import Sandbox
from tests.serving import working


@asynccontextmanager
async def amazon_orders(
    url: str, kafka: KafkaSettings, secrets: str, made: Sandbox, every: float = 0.2
) -> AsyncIterator[None]:
    """`secrets`: the keys that seal its tokens and people's keys. `every`: seconds between polls."""
    config = Config(
        kafka=kafka,
        database=DatabaseSettings(url=url),
        secrets=SecretsSettings(keys=SecretStr(secrets)),
        selling=SellingSettings(**await selling(made, attempts=1)),
        every=timedelta(seconds=every),
        back=timedelta(days=36500),
        port=0,
    )
    async with build(config) as service, working(service):
        yield
