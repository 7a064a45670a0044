"""The gateway's decisions as events: published in the background, never in the way of an answer.

What waits for Kafka is bounded. While Kafka is away it fills; what does not fit is counted, and the answers go on.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Self

from libs.bus.group_commit import Overloaded
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import GATEWAY_DECISIONS_LOST
from services.webhook_gateway.intake import Log
from services.webhook_gateway.records import Record

log = get_logger()

RETRY_SECONDS = 1.0
FLUSH_SECONDS = 2.0


class Decisions:
    """Decisions on their way to their topic; one that Kafka refuses is written again, with the same id."""

    def __init__(self, topic: Log, *, most: int, flush_seconds: float = FLUSH_SECONDS) -> None:
        self._topic = topic
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

    def put(self, decision: Record) -> None:
        """Queue a decision; never blocks."""
        if self._waiting >= self._most:
            if not self._dropping:
                log.warning("decisions are dropped until Kafka takes them again", waiting=self._waiting)
            self._dropping = True
            GATEWAY_DECISIONS_LOST.inc()
            return
        self._collected.append(decision)
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
                self._topic.append(*record, _Written(self, record))
            except Overloaded:
                self._write_within(RETRY_SECONDS)
                return
            self._collected.popleft()
            self._on_the_way += 1

    def written(self, record: Record, error: Exception | None) -> None:
        """A record has ended: for the topic to call."""
        self._on_the_way -= 1
        if error is not None:
            if not self._collected:
                log.warning("decisions not published yet", error=f"{type(error).__name__}: {error}")
            self._collected.append(record)
            self._write_within(RETRY_SECONDS)
            return
        self._dropping = False
        if not self._waiting:
            self._empty.set()


class _Written:
    __slots__ = ("_decisions", "_record")

    def __init__(self, decisions: Decisions, record: Record) -> None:
        self._decisions = decisions
        self._record = record

    def __call__(self, error: Exception | None) -> None:
        self._decisions.written(self._record, error)
