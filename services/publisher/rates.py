"""The exchange rates that were published as facts, read again when newer ones may be there."""

import asyncio
import time
from datetime import UTC, datetime

from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_tail
from libs.exchange_rates.ecb import DailyRates
from libs.exchange_rates.rates import ExchangeRates
from schemas.envelope import BrokenEnvelope, Envelope
from schemas.exchange_rates.exchange_rates_published import EVENT, ExchangeRatesPublishedV1
from schemas.registry import UnreadableEvent, read_fact

FRESH_SECONDS = 600.0
_EVER = datetime(1999, 1, 1, tzinfo=UTC)
_MOST_DAYS = 400


class PublishedRates:
    """What the topic `exchange_rates` holds, at most ten minutes old."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._known: ExchangeRates | None = None
        self._read_at = 0.0
        self._turn = asyncio.Lock()

    async def now(self) -> ExchangeRates:
        """The rates. Raises TopicUnreadable."""
        async with self._turn:
            if self._known is None or time.monotonic() - self._read_at > FRESH_SECONDS:
                self._known = await self._read()
                self._read_at = time.monotonic()
            return self._known

    def forget(self) -> None:
        """Read them again: one was missing."""
        self._known = None

    async def _read(self) -> ExchangeRates:
        days: list[DailyRates] = []
        async for record in read_tail(self._kafka, EVENT.topic, since=_EVER, most_per_partition=_MOST_DAYS):
            try:
                fact = read_fact(Envelope.of(record.headers), record.value)
            except (BrokenEnvelope, UnreadableEvent):
                continue  # somebody else's: whoever consumes the topic puts it into its dead letters
            if isinstance(fact, ExchangeRatesPublishedV1):
                days.append(DailyRates(fact.day, fact.rates))
        return ExchangeRates(days)
