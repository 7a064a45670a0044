"""The matcher as its app builds it, at work."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from libs.bus.settings import KafkaSettings
from libs.db.settings import DatabaseSettings
from services.matcher.app import build
from services.matcher.config import Config
from tests.serving import working


@asynccontextmanager
async def matcher(url: str, kafka: KafkaSettings, **settings: Any) -> AsyncIterator[None]:
    config = Config(kafka=kafka, database=DatabaseSettings(url=url), port=0, **{"settle_milliseconds": 50, **settings})
    async with build(config) as service, working(service):
        yield
