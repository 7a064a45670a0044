"""exchange_rates against the sandbox's bank: each day once, from the bank's own files to facts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pydantic import HttpUrl

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.exchange_rates.ecb import Malformed
from libs.http.client import ApiClient, ApiSettings
from libs.http.errors import Unavailable
from services.exchange_rates.rounds import Rounds, known
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.projecting import until

FRIDAY_EVENING = datetime(2026, 6, 5, 17, tzinfo=UTC)
DAY = 24 * 3600
DAYS = 62
"""With rates in the 90 days before."""


@asynccontextmanager
async def rounds(made: Sandbox, kafka: KafkaSettings, publisher: Publisher) -> AsyncIterator[Rounds]:
    settings = ApiSettings(base_url=HttpUrl(f"{made.base}/ecb"), attempts=1)
    async with ApiClient("ecb", settings) as api:
        yield Rounds(api, kafka, publisher, every_seconds=1)


async def test_each_day_is_published_once_and_gaps_are_closed(kafka: KafkaSettings, publisher: Publisher) -> None:
    async with sandbox(start=FRIDAY_EVENING) as made:
        async with rounds(made, kafka, publisher) as first:
            assert await first.once() == DAYS
            assert await first.once() == 0
        async with rounds(made, kafka, publisher) as restarted:
            assert await restarted.once() == 0
            await made.control("POST", "/_clock", {"advance_seconds": 3 * DAY})
            assert await restarted.once() == 1  # Monday, behind a weekend
            await made.control("POST", "/_clock", {"advance_seconds": 3 * DAY})
            assert await restarted.once() == 3  # two days were missed
    facts = await known(kafka)
    assert max(facts) == date(2026, 6, 11)
    assert facts[date(2026, 6, 5)]["USD"] > Decimal(1)


async def test_the_service_waits_for_a_bank_that_is_away(kafka: KafkaSettings, publisher: Publisher) -> None:
    async with sandbox(start=FRIDAY_EVENING) as made:
        await made.control("POST", "/_faults", {"marketplace": "ecb", "kind": "outage", "status": 503, "count": 1})
        async with rounds(made, kafka, publisher) as asked:
            with pytest.raises(Unavailable):
                await asked.once()
            assert await known(kafka) == {}
        async with rounds(made, kafka, publisher) as asked:
            stop = asyncio.Event()
            running = asyncio.create_task(asked.run(stop))

            async def published() -> bool:
                return len(await known(kafka)) == DAYS

            await until(published, "90 days")
            stop.set()
            await running


async def test_a_file_that_is_not_the_bank_s_is_not_used(kafka: KafkaSettings, publisher: Publisher) -> None:
    async with sandbox(start=FRIDAY_EVENING) as made:
        settings = ApiSettings(base_url=HttpUrl(f"{made.base}/_accounts?"), attempts=1)
        async with ApiClient("ecb", settings) as api:
            with pytest.raises(Malformed):
                await Rounds(api, kafka, publisher, every_seconds=1).once()
    assert await known(kafka) == {}
