"""A request's place in its sender's trace (W3C trace context), at a price that fits the number of requests.

Where spans are exported, they are real ones. Elsewhere nobody sees a span, so none is made: only ids, that travel on.
"""

import random
import secrets

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Span, SpanContext, SpanKind
from opentelemetry.trace.propagation import set_span_in_context

from libs.telemetry.trace import context_of, tracer

_RANDOM = random.Random(secrets.randbits(256))  # noqa: S311  (ids must be unique, not secret)


def random_hex(characters: int) -> str:
    """Random hexadecimal digits: unique, and not for secrets."""
    return f"{_RANDOM.getrandbits(4 * characters):0{characters}x}"


class Trace:
    """One request's ids as lower-case hexadecimal texts, and its spans where they are exported.

    `spare` are 32 random digits that nothing else uses.
    """

    __slots__ = ("_owned", "_sending", "_span", "span_id", "spare", "state", "trace_id")

    def __init__(
        self,
        spare: str,
        trace_id: str,
        span_id: str,
        state: bytes | None = None,
        span: Span | None = None,
        *,
        owned: bool = False,
    ) -> None:
        self.spare = spare
        self.trace_id = trace_id
        self.span_id = span_id
        self.state = state
        self._span = span
        self._sending: Span | None = None
        self._owned = owned

    def parent(self) -> bytes:
        """The `traceparent` of the event that this request becomes."""
        if self._span is None:
            return f"00-{self.trace_id}-{self.span_id}-00".encode()
        self._sending = tracer.start_span(
            "send WebhookReceivedV1", set_span_in_context(self._span), SpanKind.PRODUCER, {"messaging.system": "kafka"}
        )
        return _header(self._sending.get_span_context())

    def told(self) -> bytes:
        """The `traceparent` of the event that tells of the decision."""
        return _header(self._span.get_span_context()) if self._span else self.parent()

    def end(self, route: str, status: int) -> None:
        """The answer is decided."""
        if self._sending is not None:
            self._sending.end()
        if self._span is None or not self._owned:
            return
        self._span.set_attributes(
            {"http.request.method": "POST", "http.route": route, "http.response.status_code": status}
        )
        self._span.end()


def exporting() -> bool:
    """Whether somebody sees this process's spans."""
    provider = trace.get_tracer_provider()
    return isinstance(provider, TracerProvider) and provider.sampler is not ALWAYS_OFF


def begin(route: str, parent: bytes | None, state: bytes | None, *, spans: bool) -> Trace:
    """The trace of a request to a route, from its headers `traceparent` and `tracestate`."""
    if not spans and parent is None:
        return _begun()
    context = context_of(_text(parent), _text(state))
    if spans:
        span = tracer.start_span(f"POST {route}", context, SpanKind.SERVER, record_exception=False)
        return of_span(span, owned=True)
    given = trace.get_current_span(context).get_span_context()
    if not given.is_valid:
        return _begun()
    return Trace(random_hex(32), trace.format_trace_id(given.trace_id), random_hex(16), _state(given))


def of_span(span: Span, *, owned: bool = False) -> Trace:
    """The trace of a request whose span is there already; somebody else ends it, unless it is `owned`."""
    context = span.get_span_context()
    if not context.is_valid:
        return _begun()
    exported = span if span.is_recording() else None
    ids = trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
    return Trace(random_hex(32), *ids, _state(context), exported, owned=owned)


def _begun() -> Trace:
    digits = random_hex(80)
    return Trace(digits[48:], digits[:32], digits[32:48])


def _header(context: SpanContext) -> bytes:
    return (
        f"00-{trace.format_trace_id(context.trace_id)}-{trace.format_span_id(context.span_id)}"
        f"-{context.trace_flags:02x}"
    ).encode()


def _state(context: SpanContext) -> bytes | None:
    return context.trace_state.to_header().encode() or None


def _text(header: bytes | None) -> str | None:
    return None if header is None else header.decode("latin-1")
