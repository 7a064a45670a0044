"""What an applied batch tells: one wide log line, a count per fate, and a span for each record in its own trace.

Far behind the log's end batches are large, and nobody follows single records: there a sample of them gets its spans.
"""

import time
from typing import Any

from opentelemetry.trace import SpanKind

from libs.projection.engine import Batch
from libs.projection.fold import Folded
from libs.projection.model import AnyReadModel
from libs.projection.record import Located
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import BUS_CONSUMED
from libs.telemetry.trace import context_of, is_recorded, tracer
from schemas.envelope import Envelope

log = get_logger()

MOST_SPANS = 200
"""A batch of up to so many facts gets a span for each."""


def tell(model: AnyReadModel, consumer: str, batch: Batch, folded: Folded[Any], began: int) -> None:
    """After the commit. `began`: when the batch was taken in hand, in nanoseconds since 1970."""
    ended = time.time_ns()
    for (topic, _), move in batch.moves.items():
        BUS_CONSUMED.labels(consumer, topic, "handled").inc(move.records - move.skipped)
        if move.skipped:
            BUS_CONSUMED.labels(consumer, topic, "dead_lettered").inc(move.skipped)
    if is_recorded():
        for located in batch.facts[:: len(batch.facts) // (MOST_SPANS + 1) + 1]:
            envelope = located.envelope
            if envelope.traceparent is not None:
                _span(model, consumer, located, envelope, began, ended)
    one = batch.facts[0] if len(batch.facts) == 1 else None
    log.info(
        "applied",
        read_model=model.name,
        facts=len(batch.facts),
        written=len(folded.written),
        deleted=len(folded.deleted),
        skipped=sum(move.skipped for move in batch.moves.values()),
        offsets={f"{topic}:{number}": f"{move.old}-{move.new}" for (topic, number), move in batch.moves.items()},
        milliseconds=round((ended - began) / 1e6, 3),
        **({"key": one.key, "event_id": one.position.event_id, "traceparent": one.envelope.traceparent} if one else {}),
    )


def _span(model: AnyReadModel, consumer: str, located: Located, envelope: Envelope, began: int, ended: int) -> None:
    position = located.position
    span = tracer.start_span(
        f"process {position.topic}",
        context=context_of(envelope.traceparent, envelope.tracestate),
        kind=SpanKind.CONSUMER,
        start_time=began,
        attributes={
            "messaging.system": "kafka",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": position.topic,
            "messaging.destination.partition.id": str(position.partition),
            "messaging.kafka.offset": position.offset,
            "messaging.consumer.group.name": f"{consumer}-{model.name}",
            "messaging.message.id": envelope.id,
            "cloudevents.event_id": envelope.id,
            "cloudevents.event_type": envelope.type,
            "sellstream.read_model": model.name,
            "sellstream.row.key": located.key,
        },
    )
    span.end(end_time=ended)
