"""The order desk as its app builds it, with its consumer running."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from libs.bus.settings import KafkaSettings
from libs.db.settings import DatabaseSettings
from libs.secrets.settings import SecretsSettings
from libs.service import Service
from services.order_desk.app import build
from services.order_desk.config import Config
from tests.serving import working


@asynccontextmanager
async def order_desk(url: str, kafka: KafkaSettings, secrets: str, **settings: Any) -> AsyncIterator[Service]:
    """`secrets`: the keys that seal people's keys, the catalog's own."""
    config = Config(
        kafka=kafka,
        database=DatabaseSettings(url=url),
        secrets=SecretsSettings(keys=SecretStr(secrets)),
        patience_seconds=20,
        port=0,
        **settings,
    )
    async with build(config) as service, working(service):
        yield service
