"""Telling of each decision once: a metric, one wide log line, and an event. No body, no signature, no personal data.

What is the same for many deliveries (names, decision, status) is put into words once and kept.
"""

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from libs.telemetry.metrics import GATEWAY_ANSWER_DURATION, GATEWAY_DEADLINE_MISSES, GATEWAY_DELIVERIES
from services.webhook_gateway.records import Clock, decision_record
from services.webhook_gateway.verdict import Verdict

if TYPE_CHECKING:
    from services.webhook_gateway.decisions import Decisions
    from services.webhook_gateway.handlers import Arrival

UNKNOWN = "unknown"
_MOST_KEPT = 2_000


class _Told(NamedTuple):
    """The constant parts: of the log line and of the event's JSON, up to where they change."""

    add_one: Callable[[], None]
    line: str
    key: bytes
    data: str


class Recorder:
    """Where every answered delivery is told of. `put_line` takes a line of JSON; neither it nor `decisions` blocks."""

    def __init__(self, decisions: "Decisions", put_line: Callable[[str], None]) -> None:
        self._decisions = decisions
        self._put_line = put_line
        self._kept: dict[tuple[object, ...], _Told] = {}
        self._clock = Clock()
        self._observe: dict[str, Callable[[float], None]] = {}

    def record(self, arrival: "Arrival", verdict: Verdict) -> None:
        """Tell of one verdict. An unknown marketplace's name is not repeated."""
        marketplace = arrival.place.marketplace
        name = marketplace.name if marketplace else UNKNOWN
        seconds = time.perf_counter() - arrival.since
        same = (name, arrival.account, arrival.topic, verdict.decision, verdict.reason, verdict.status)
        told = self._kept.get(same) or self._tell(same, verdict)
        told.add_one()
        observe = self._observe.get(name)
        if observe is None:
            observe = self._observe[name] = GATEWAY_ANSWER_DURATION.labels(name).observe
        observe(seconds)
        if marketplace is not None and seconds > marketplace.deadline:
            GATEWAY_DEADLINE_MISSES.labels(name).inc()
        now = time.time()
        at = self._clock.text(now)
        ident = f'"{arrival.webhook_id}"' if arrival.webhook_id else "null"
        trace, size, microseconds, request_id = arrival.trace, arrival.size, int(seconds * 1e6), arrival.request_id
        self._put_line(
            f'{told.line}, "bytes": {size}, "microseconds": {microseconds}, "webhook_id": {ident}, '
            f'"request_id": "{request_id}", "trace_id": "{trace.trace_id}", "span_id": "{trace.span_id}", '
            f'"timestamp": "{at}"}}\n'
        )
        data = (
            f'{told.data},"delivery_ref":"{request_id}","body_bytes":{size},"duration_us":{microseconds},'
            f'"webhook_id":{ident},"decided_at":"{at}"}}'
        ).encode()
        self._decisions.put(decision_record(told.key, data, at, int(now * 1000), trace))
        arrival.trace.end(arrival.place.route, verdict.status)

    def _tell(self, same: tuple[object, ...], verdict: Verdict) -> _Told:
        name, account, topic = same[:3]
        common: dict[str, object] = {
            "marketplace": name,
            "account": account,
            "topic": topic,
            "decision": verdict.decision.value,
            "reason": verdict.reason,
            "status": verdict.status,
        }
        line = {"event": "delivery", "level": "info", "service": "webhook_gateway", **common}
        data = {"notification_topic" if field == "topic" else field: value for field, value in common.items()}
        told = _Told(
            GATEWAY_DELIVERIES.labels(name, verdict.decision.value, verdict.reason or "").inc,
            json.dumps(line)[:-1],
            f"{name}:{account or '-'}".encode(),
            json.dumps(data, ensure_ascii=False, separators=(",", ":"))[:-1],
        )
        if len(self._kept) >= _MOST_KEPT:  # a sender may invent topics
            self._kept.clear()
        self._kept[same] = told
        return told
