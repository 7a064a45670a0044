"""The matcher as its app builds it, at work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from libs.bus.settings import KafkaSettings
from libs.db.settings import DatabaseSettings
from services.matcher.app import build
from services.matcher.config import Config


@asynccontextmanager
async def matcher(url: str, kafka: KafkaSettings, **settings: Any) -> AsyncIterator[None]:
    config = Config(kafka=kafka, database=DatabaseSettings(url=url), port=0, **{"settle_milliseconds": 50, **settings})
    stop = asyncio.Event()
    async with build(config) as service:
        tasks = [asyncio.create_task(worker(stop)) for worker in service.workers.values()]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)
