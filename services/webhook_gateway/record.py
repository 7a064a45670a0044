"""Telling of each decision once: metrics, one wide log line, and an event. No body, no signature, no personal data.

Told of in bulk, at most 20 ms after the answers: nobody waits for it, and what is the same for many deliveries (names,
decision, status) is put into words once and kept. Metrics first, log lines last: what fails costs only what follows it.
"""

import asyncio
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from libs.telemetry.log import get_logger
from libs.telemetry.metrics import (
    GATEWAY_ANSWER_DURATION,
    GATEWAY_DEADLINE_MISSES,
    GATEWAY_DELIVERIES,
    HTTP_DURATION,
    HTTP_REQUESTS,
)
from libs.telemetry.observe import observe_all
from schemas.deliveries.delivery_decided import Decision
from services.webhook_gateway.records import Clock, Record, decision_record

if TYPE_CHECKING:
    from services.webhook_gateway.decisions import Decisions
    from services.webhook_gateway.handlers import Arrival

log = get_logger()

SERVICE = "webhook_gateway"
UNKNOWN = "unknown"
TELL_SECONDS = 0.02
_MOST_WAITING = 256
_MOST_KEPT = 2_000


_Same = tuple[str, str | None, str | None, str | None, Decision, str | None, int]
"""Marketplace, route, account, topic, decision, reason, status."""


class _Told:
    """The constant parts, of the log line and of the event's JSON up to where they change; and what was not counted."""

    __slots__ = ("data", "key", "line", "same", "seconds")

    def __init__(self, same: _Same, line: str, key: bytes, data: str) -> None:
        self.same = same
        self.line = line
        self.key = key
        self.data = data
        self.seconds: list[float] = []


class Recorder:
    """Where every answered delivery is told of. `put_lines` takes lines of JSON; neither it nor `decisions` blocks."""

    def __init__(
        self, decisions: "Decisions", put_lines: Callable[[list[str]], None], *, tell_seconds: float = TELL_SECONDS
    ) -> None:
        self._tell_seconds = tell_seconds
        self._decisions = decisions
        self._put_lines = put_lines
        self._waiting: list[Arrival] = []
        self._timer: asyncio.TimerHandle | None = None
        self._kept: dict[_Same, _Told] = {}
        self._counted: list[_Told] = []  # those with seconds, also what a flush that failed has left
        self._clock = Clock()

    def record(self, arrival: "Arrival") -> None:
        """Tell of one that has ended, soon. An unknown marketplace's name is not repeated."""
        self._waiting.append(arrival)
        arrival.trace.end(arrival.place.route, arrival.verdict.status)
        if len(self._waiting) >= _MOST_WAITING:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._tell_seconds, self.flush)

    def flush(self) -> None:
        """Tell of all that was decided until now. Never raises: it may be an answer's turn, and others come next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            self._tell_of_waiting()
        except Exception:
            log.exception("decisions could not be told of")

    def _tell_of_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        counted = self._counted
        lines: list[str] = []
        decisions: list[Record] = []
        clocks = time.time() - time.perf_counter()
        for arrival in waiting:
            verdict, seconds = arrival.verdict, arrival.ended_at - arrival.since
            at = int((arrival.ended_at + clocks) * 1e6)
            marketplace = arrival.place.marketplace
            name = marketplace.name if marketplace is not None else UNKNOWN
            same = (
                name,
                arrival.route,
                arrival.account,
                arrival.topic,
                verdict.decision,
                verdict.reason,
                verdict.status,
            )
            told = self._kept.get(same)
            if told is None:
                told = self._tell(same)
            if not told.seconds:
                counted.append(told)
            told.seconds.append(seconds)
            if marketplace is not None and seconds > marketplace.deadline:
                GATEWAY_DEADLINE_MISSES.labels(name).inc()
            text = self._clock.text(at)
            ident = f'"{arrival.webhook_id}"' if arrival.webhook_id else "null"
            trace, microseconds = arrival.trace, int(seconds * 1e6)
            same_end = f'"body_bytes": {arrival.size}, "duration_us": {microseconds}, "webhook_id": {ident}, '
            lines.append(
                f'{told.line}{same_end}"request_id": "{arrival.request_id}", "trace_id": "{trace.trace_id}", '
                f'"span_id": "{trace.span_id}", "timestamp": "{text}"}}\n'
            )
            data = f'{told.data}{same_end}"delivery_ref": "{arrival.request_id}", "decided_at": "{text}"}}'
            decisions.append(decision_record(told.key, data.encode(), text, at // 1000, trace))
        self._counted = []
        for told in counted:
            amounts, told.seconds = told.seconds, []
            _count(told.same, amounts)
        self._decisions.put(decisions)
        self._put_lines(lines)

    def _tell(self, same: _Same) -> _Told:
        name, _, account, topic, decision, reason, status = same
        common = {
            "marketplace": name,
            "account": account,
            "notification_topic": topic,
            "decision": decision,
            "reason": reason,
            "status": status,
        }
        line = json.dumps({"event": "delivery", "level": "info", "service": SERVICE, **common})
        data = json.dumps(common, ensure_ascii=False)
        told = _Told(same, f"{line[:-1]}, ", f"{name}:{account or '-'}".encode(), f"{data[:-1]}, ")
        if len(self._kept) >= _MOST_KEPT:  # a sender may invent topics
            self._kept.clear()
        self._kept[same] = told
        return told


def _count(same: _Same, seconds: list[float]) -> None:
    name, route, _, _, decision, reason, status = same
    GATEWAY_DELIVERIES.labels(name, decision, reason or "").inc(len(seconds))
    observe_all(GATEWAY_ANSWER_DURATION.labels(name), seconds)
    if route is not None:
        HTTP_REQUESTS.labels(SERVICE, "POST", route, status).inc(len(seconds))
        observe_all(HTTP_DURATION.labels(SERVICE, route), seconds)
