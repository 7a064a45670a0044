"""Telling of each decision once: a metric, one wide log line, and an event. No body, no signature, no personal data.

What is the same for many deliveries (names, decision, status) is put into words once and kept.
"""

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from libs.telemetry.metrics import GATEWAY_ANSWER_DURATION, GATEWAY_DEADLINE_MISSES, GATEWAY_DELIVERIES
from services.webhook_gateway.records import decision_record, now, time_text
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
        decided_at = now()
        self._put_line(_line(told, arrival, int(seconds * 1_000_000), decided_at))
        data = _data(told, arrival, int(seconds * 1_000_000), decided_at)
        self._decisions.put(decision_record(told.key, data, decided_at, arrival.trace))
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


def _line(told: _Told, arrival: "Arrival", microseconds: int, at: datetime) -> str:
    ident = f'"{arrival.webhook_id}"' if arrival.webhook_id else "null"
    trace = arrival.trace
    return (
        f'{told.line}, "bytes": {arrival.size}, "microseconds": {microseconds}, "webhook_id": {ident}, '
        f'"request_id": "{arrival.request_id}", "trace_id": "{trace.trace_id}", "span_id": "{trace.span_id}", '
        f'"timestamp": "{time_text(at).decode()}"}}\n'
    )


def _data(told: _Told, arrival: "Arrival", microseconds: int, at: datetime) -> bytes:
    ident = f'"{arrival.webhook_id}"' if arrival.webhook_id else "null"
    return (
        f'{told.data},"delivery_ref":"{arrival.request_id}","body_bytes":{arrival.size},'
        f'"duration_us":{microseconds},"webhook_id":{ident},"decided_at":"{time_text(at).decode()}"}}'
    ).encode()
