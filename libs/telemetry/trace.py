"""Traces: from a webhook's request through Kafka headers to the row, in W3C trace context.

Spans are exported over OTLP/HTTP where `OTEL_EXPORTER_OTLP_ENDPOINT` is set; elsewhere they are not recorded, but their
context still travels, so that a trace is not cut where one service does not export.
"""

import os

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from schemas.envelope import Envelope

_PROPAGATOR = TraceContextTextMapPropagator()

tracer = trace.get_tracer("sellstream")


def configure_traces(service: str) -> TracerProvider:
    """Set the process's tracer provider; the caller shuts it down at the end, so that the last spans are sent."""
    resource = Resource.create({SERVICE_NAME: service})
    exports = "OTEL_EXPORTER_OTLP_ENDPOINT" in os.environ or "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" in os.environ
    # Without an exporter nobody sees a recorded span; one that is not sampled costs a tenth and still has an id.
    provider = TracerProvider(resource=resource) if exports else TracerProvider(resource=resource, sampler=ALWAYS_OFF)
    if exports:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


def is_recorded() -> bool:
    """Whether anybody will see a span. One that nothing is sent on from need not be made otherwise."""
    return getattr(trace.get_tracer_provider(), "sampler", None) is not ALWAYS_OFF


def trace_headers() -> dict[str, str]:
    """`traceparent` and perhaps `tracestate` of the current span, to be sent on."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier


def context_of(traceparent: str | None, tracestate: str | None = None) -> context.Context:
    """The context that a message or request carried; an empty one if it carried none or a broken one."""
    carrier = {"traceparent": traceparent or "", "tracestate": tracestate or ""}
    return _PROPAGATOR.extract(carrier, context=context.Context())


def link_to(envelope: Envelope) -> trace.Link | None:
    """A link to the span that produced a message; None if the message carries no trace."""
    span = trace.get_current_span(context_of(envelope.traceparent, envelope.tracestate)).get_span_context()
    return trace.Link(span) if span.is_valid else None
