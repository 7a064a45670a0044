"""Delivery of notifications: duplicates, reordering, retries on anything but success, a bounded number at a time."""

import asyncio
import hashlib
import heapq
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count

import aiohttp

from libs.telemetry.log import get_logger
from services.sandbox.channel import Channel
from services.sandbox.clock import Clock, DueQueue
from services.sandbox.delivery import Delivery, DeliveryLog, Outcome, State
from services.sandbox.notice import Notice
from services.sandbox.seeded import chance, stream

log = get_logger()

HELD_BACK = (1, 5)
"""A reordered delivery is overtaken by this many later ones (fewest, most)."""


@dataclass
class Disorder:
    """Shares (0 to 1) of notices that are sent twice, and of deliveries that are overtaken by later ones."""

    duplicates: float = 0.0
    reordering: float = 0.0


class Notifier:
    """Sends the marketplaces' notifications to the configured endpoints and keeps a record of it."""

    def __init__(
        self,
        seed: int,
        clock: Clock,
        http: aiohttp.ClientSession,
        channels: Mapping[str, Channel],
        sent: DeliveryLog,
        concurrency: int = 32,
    ) -> None:
        self.channels = channels
        self.disorder = Disorder()
        self.sent = sent
        self._random = stream(seed, "notifier")
        self._clock = clock
        self._http = http
        self._slots = asyncio.Semaphore(concurrency)
        self._due: DueQueue[Delivery] = DueQueue(clock)
        self._held: list[tuple[int, int, Delivery]] = []
        self._position = count()

    def send(self, marketplace: str, notices: Iterable[Notice]) -> list[Delivery]:
        """Put notices on their way, if the marketplace has an endpoint; return the deliveries made."""
        channel = self.channels.get(marketplace)
        if channel is None:
            return []
        made: list[Delivery] = []
        for notice in notices:
            delivery = self.sent.open(marketplace, notice)
            made.append(delivery)
            self._queue(delivery)
            if chance(self._random, self.disorder.duplicates):
                again = self.sent.open(marketplace, notice, duplicate_of=delivery.number)
                made.append(again)
                self._queue(again)
        return made

    def send_now(self, marketplace: str, notices: Iterable[Notice]) -> list[int]:
        """Send notices, and those held back before them; return the numbers of the deliveries."""
        made = [delivery.number for delivery in self.send(marketplace, notices)]
        self.flush()
        return made

    def flush(self) -> None:
        """Let go of the deliveries that wait to be overtaken."""
        while self._held:
            self._due.put(heapq.heappop(self._held)[2])

    def _queue(self, delivery: Delivery) -> None:
        position = next(self._position)
        late = chance(self._random, self.disorder.reordering)
        back = self._random.randint(*HELD_BACK) if late else 0
        heapq.heappush(self._held, (position + back, position, delivery))
        while self._held and self._held[0][0] <= position:
            self._due.put(heapq.heappop(self._held)[2])

    async def run(self, stop: asyncio.Event) -> None:
        """Send what falls due until the event is set. What is on the wire then is broken off."""
        dispatching = asyncio.create_task(self._dispatch(), name="sandbox notifier")
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({dispatching, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            tasks = {dispatching, stopping}
            failed = dispatching.done()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if failed:
            dispatching.result()

    async def _dispatch(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                delivery = await self._due.get()
                await self._slots.acquire()
                group.create_task(self._deliver(delivery))

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            channel = self.channels[delivery.marketplace]
            if channel.down(delivery):
                self.sent.close(delivery, State.DROPPED)
                return
            outcome = await self._post(channel, delivery)
            delivery.attempts.append(outcome)
            self.sent.attempts += 1
            if outcome.acknowledged:
                self.sent.close(delivery, State.DELIVERED)
            elif len(delivery.attempts) <= len(channel.waits):
                self._due.put(delivery, self._clock.now() + channel.waits[len(delivery.attempts) - 1])
            else:
                self.sent.close(delivery, State.LOST)
                channel.on_lost(delivery)
                log.warning("notification lost", delivery=delivery.number, marketplace=delivery.marketplace)
        finally:
            self._slots.release()

    async def _post(self, channel: Channel, delivery: Delivery) -> Outcome:
        request = delivery.notice.request(delivery.attempt(len(delivery.attempts) + 1, channel.waits))
        at = self._clock.now()
        digest = hashlib.sha256(request.body).hexdigest()
        began = time.perf_counter()
        try:
            async with self._http.post(
                channel.url,
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=channel.give_up_seconds),
            ) as answer:
                text = (await answer.content.read(2000)).decode("utf-8", "replace")
                headers = tuple(answer.headers.items())
        except TimeoutError:
            return Outcome(at, self._clock.now(), digest, None, time.perf_counter() - began, False, "http_timeout")
        except aiohttp.ClientError as error:
            log.debug("notification not sent", delivery=delivery.number, error=str(error))
            return Outcome(at, self._clock.now(), digest, None, time.perf_counter() - began, False, "other_error")
        seconds = time.perf_counter() - began
        late = seconds > channel.ack_seconds
        failure = "http_timeout" if late else None if answer.status in channel.success else "http_error"
        return Outcome(at, self._clock.now(), digest, answer.status, seconds, failure is None, failure, text, headers)
