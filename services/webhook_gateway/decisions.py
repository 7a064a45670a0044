"""The gateway's decisions as events: published in the background, never in the way of an answer.

The queue is bounded. While Kafka is away it fills; what does not fit is counted and logged, and the answers go on.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Self
from uuid import uuid4

from libs.bus.message import Outgoing
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import GATEWAY_DECISIONS_LOST
from schemas.deliveries.delivery_decided import DeliveryDecidedV1

log = get_logger()

_BATCH = 500
_RETRY_SECONDS = 1.0
FLUSH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    outgoing: Outgoing
    context: Context


class Decisions:
    """A queue of decisions and the task that publishes them; `publish` raises when Kafka has not taken one."""

    def __init__(
        self, publish: Callable[[Outgoing], Awaitable[object]], *, most: int, flush_seconds: float = FLUSH_SECONDS
    ) -> None:
        self._publish = publish
        self._most = most
        self._flush_seconds = flush_seconds
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._stopping = False
        self._dropping = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="decisions")
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Publish what waits, for a few seconds at most."""
        self._stopping = True
        self._wake.set()
        assert self._task is not None
        _done, late = await asyncio.wait({self._task}, timeout=self._flush_seconds)
        if late:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._waiting:
            self._lose(len(self._waiting), "stopped while Kafka was away")

    def put(self, decided: DeliveryDecidedV1) -> None:
        """Queue a decision; never blocks."""
        if len(self._waiting) >= self._most:
            if not self._dropping:
                log.warning("decisions are dropped until Kafka takes them again", waiting=len(self._waiting))
            self._dropping = True
            GATEWAY_DECISIONS_LOST.inc()
            return
        # The id is given here, so that a repeated publication is recognisable. The context holds the request's trace.
        outgoing = Outgoing(decided, id=str(uuid4()), time=decided.decided_at)
        self._waiting.append(_Waiting(outgoing, copy_context()))
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._publish_some()
            self._dropping = False
            if self._stopping:
                return

    async def _publish_some(self) -> None:
        batch = [self._waiting[index] for index in range(min(_BATCH, len(self._waiting)))]
        outcomes = await asyncio.gather(
            *(asyncio.create_task(self._published(one.outgoing), context=one.context) for one in batch),
            return_exceptions=True,
        )
        for _ in batch:
            self._waiting.popleft()
        failed = [
            (waiting, outcome)
            for waiting, outcome in zip(batch, outcomes, strict=True)
            if isinstance(outcome, Exception)
        ]
        if failed:
            self._waiting.extendleft(waiting for waiting, _ in reversed(failed))
            error = failed[0][1]
            log.warning("decisions not published yet", count=len(failed), error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(_RETRY_SECONDS)

    async def _published(self, outgoing: Outgoing) -> None:
        await self._publish(outgoing)

    def _lose(self, count: int, why: str) -> None:
        GATEWAY_DECISIONS_LOST.inc(count)
        log.error("decisions lost", count=count, why=why)
