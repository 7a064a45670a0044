"""The gateway's decisions as events: published in the background, never in the way of an answer.

What waits for Kafka is bounded. While Kafka is away it fills; what does not fit is counted, and the answers go on.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from libs.bus.group_commit import Log, Overloaded
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import GATEWAY_DECISIONS_LOST
from services.webhook_gateway.records import Record

log = get_logger()

RETRY_SECONDS = 1.0
FLUSH_SECONDS = 2.0


class Decisions:
    """Decisions on their way to their topic; one that Kafka refuses is written again, with the same id."""

    def __init__(self, topic: Log[Record], *, most: int, flush_seconds: float = FLUSH_SECONDS) -> None:
        self._topic = topic
        topic.ended = self._ended
        self._most = most
        self._flush_seconds = flush_seconds
        self._collected: deque[Record] = deque()
        self._on_the_way = 0
        self._timer: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._dropping = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Publish what waits, for a few seconds at most."""
        self._write()
        if self._waiting:
            self._empty.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), self._flush_seconds)
            if self._waiting:
                GATEWAY_DECISIONS_LOST.inc(self._waiting)
                log.error("decisions lost", count=self._waiting, why="stopped while Kafka was away")
        if self._timer is not None:
            self._timer.cancel()

    @property
    def _waiting(self) -> int:
        return len(self._collected) + self._on_the_way

    def put(self, decisions: Sequence[Record]) -> None:
        """Queue decisions; never blocks."""
        room = max(0, self._most - self._waiting)
        if lost := len(decisions[room:]):
            if not self._dropping:
                log.warning("decisions are dropped until Kafka takes them again", waiting=self._waiting)
            self._dropping = True
            GATEWAY_DECISIONS_LOST.inc(lost)
        self._collected.extend(decisions[:room])
        if self._timer is None:
            self._write()

    def _write_within(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._write)

    def _write(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._collected:
            record = self._collected[0]
            try:
                self._topic.append(record.key, record.value, record.headers, record.timestamp_ms, record)
            except Overloaded:
                self._write_within(RETRY_SECONDS)
                return
            self._collected.popleft()
            self._on_the_way += 1

    def _ended(self, records: list[Record], error: Exception | None) -> None:
        self._on_the_way -= len(records)
        if error is not None:
            if not self._collected:
                log.warning("decisions not published yet", error=f"{type(error).__name__}: {error}")
            self._collected.extend(records)
            self._write_within(RETRY_SECONDS)
            return
        self._dropping = False
        if not self._waiting:
            self._empty.set()
