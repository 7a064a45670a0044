"""Telling of each decision once: a metric, one wide log line, and an event. No body, no signature, no personal data."""

from collections.abc import Callable
from datetime import UTC, datetime

from libs.marketplaces.contract import Contract
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import GATEWAY_ANSWER_DURATION, GATEWAY_DEADLINE_MISSES, GATEWAY_DELIVERIES
from schemas.deliveries.delivery_decided import DeliveryDecidedV1
from services.webhook_gateway.verdict import Verdict

log = get_logger()

UNKNOWN = "unknown"


class Recorder:
    """Where every answered delivery is told of. `put` takes the event and never blocks."""

    def __init__(self, put: Callable[[DeliveryDecidedV1], None]) -> None:
        self._put = put

    def record(
        self, verdict: Verdict, contract: Contract | None, *, body_bytes: int, seconds: float, request_id: str
    ) -> None:
        """Tell of one verdict; `contract` is None for an unknown marketplace, whose name is not repeated."""
        marketplace = contract.marketplace if contract else UNKNOWN
        microseconds = int(seconds * 1_000_000)
        GATEWAY_DELIVERIES.labels(marketplace, verdict.decision.value, verdict.reason or "").inc()
        GATEWAY_ANSWER_DURATION.labels(marketplace).observe(seconds)
        if contract and seconds > contract.deadline.total_seconds():
            GATEWAY_DEADLINE_MISSES.labels(marketplace).inc()
        log.info(
            "delivery",
            marketplace=marketplace,
            account=verdict.account,
            topic=verdict.notification_topic,
            decision=verdict.decision.value,
            reason=verdict.reason,
            status=verdict.status,
            bytes=body_bytes,
            microseconds=microseconds,
            webhook_id=verdict.webhook_id,
            request_id=request_id,
        )
        self._put(
            DeliveryDecidedV1(
                delivery_ref=request_id,
                marketplace=marketplace,
                account=verdict.account,
                notification_topic=verdict.notification_topic,
                decision=verdict.decision,
                reason=verdict.reason,
                status=verdict.status,
                body_bytes=body_bytes,
                duration_us=microseconds,
                webhook_id=verdict.webhook_id,
                decided_at=datetime.now(UTC),
            )
        )
