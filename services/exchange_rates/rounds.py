"""Rounds: what is published already, what the bank says, and the facts that are missing.

Who is new here reads the bank's 90-day file, and so does who has missed more than a day; else the daily file is enough.
The topic itself says what is known: nothing is stored beside it, and a round that is repeated publishes nothing.
"""

import asyncio
import io
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

from libs.bus.message import Outgoing
from libs.bus.publisher import NotPublished, Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.tail import TopicUnreadable, read_tail
from libs.exchange_rates.ecb import DAILY, LARGEST_BYTES, NINETY_DAYS, DailyRates, Malformed, parse
from libs.exchange_rates.rates import EURO
from libs.http.client import ApiClient
from libs.http.errors import ApiError
from libs.telemetry.log import get_logger
from schemas.envelope import BrokenEnvelope, Envelope
from schemas.exchange_rates.exchange_rates_published import EVENT, ExchangeRatesPublishedV1
from schemas.registry import UnreadableEvent, read_fact

log = get_logger()

SOURCE = "ecb"
_LONGEST_GAP = timedelta(days=1)
"""Between two days of publication, so that the daily file alone closes it; weekends need the longer file, once."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 5.0, 600.0
_MOST_DAYS = 5_000
_EVER = datetime(1999, 1, 1, tzinfo=UTC)

Known = dict[date, Mapping[str, Decimal]]


class Rounds:
    """Fetches now and then: the worker of the service."""

    def __init__(
        self,
        api: ApiClient,
        kafka: KafkaSettings,
        publisher: Publisher,
        every_seconds: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._api = api
        self._kafka = kafka
        self._publisher = publisher
        self._every = every_seconds
        self._now = now
        self._known: Known | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Round after round until the event is set; after a failure sooner, and ever later."""
        failures = 0
        while not stop.is_set():
            try:
                await self.once()
                failures, pause = 0, self._every
            except (ApiError, Malformed, NotPublished, TopicUnreadable) as error:
                failures += 1
                pause = min(_SHORTEST_PAUSE * 2 ** (failures - 1), _LONGEST_PAUSE, self._every)
                log.warning("no exchange rates", reason=f"{type(error).__name__}: {error}", again_in_seconds=pause)
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                continue

    async def once(self) -> int:
        """One round; how many days were published. Raises ApiError, Malformed, NotPublished, TopicUnreadable."""
        if self._known is None:
            self._known = await known(self._kafka)
        days = await self._fetch(DAILY)
        if not self._known or days[0].day - max(self._known) > _LONGEST_GAP:
            days = await self._fetch(NINETY_DAYS)
        published = 0
        for each in sorted(days, key=lambda found: found.day):
            if self._known.get(each.day) != each.per_euro:
                await self._publish(each)
                self._known[each.day] = each.per_euro
                published += 1
        log.info("exchange rates", newest=str(days[0].day), published=published)
        return published

    async def _fetch(self, path: str) -> list[DailyRates]:
        sink = io.BytesIO()
        await self._api.download(path, sink, max_bytes=LARGEST_BYTES, headers={"Accept": "text/xml, application/xml"})
        return parse(sink.getvalue())

    async def _publish(self, rates: DailyRates) -> None:
        told = ",".join(f"{name}={rate}" for name, rate in sorted(rates.per_euro.items()))
        identity = uuid5(NAMESPACE_URL, f"{SOURCE} {rates.day} {told}")
        fact = ExchangeRatesPublishedV1(
            source=SOURCE, day=rates.day, base=EURO, rates=dict(rates.per_euro), fetched_at=self._now()
        )
        await self._publisher.publish(Outgoing(fact, id=str(identity)), within=30)


async def known(kafka: KafkaSettings) -> Known:
    """What the topic holds. Raises TopicUnreadable."""
    found: Known = {}
    async for record in read_tail(kafka, EVENT.topic, since=_EVER, most_per_partition=_MOST_DAYS):
        try:
            fact = read_fact(Envelope.of(record.headers), record.value)
        except (BrokenEnvelope, UnreadableEvent):
            continue  # somebody else's: pricing puts it into its dead letters
        if isinstance(fact, ExchangeRatesPublishedV1) and fact.source == SOURCE:
            found[fact.day] = fact.rates
    return found
