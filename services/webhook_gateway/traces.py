"""A request's place in its sender's trace (W3C trace context), at a price that fits the number of requests.

Where spans are exported, they are real ones. Elsewhere nobody sees a span, so none is made: only ids, that travel on.
"""

import os
from typing import Final

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Span, SpanContext, SpanKind
from opentelemetry.trace.propagation import set_span_in_context

from libs.telemetry.trace import context_of, tracer

_DIGITS: Final = 76
_AT_ONCE: Final = 64

_ready: Final[list[str]] = []


def random_digits() -> str:
    """Random hexadecimal digits, all that a request needs, made for many requests at once.

    76 digits, and 24 characters more: the beginning of a UUID of version 4 (RFC 9562), of which those that are made at
    once have the first 74 random bits in common, and 48 each for itself.
    """
    if not _ready:
        digits = os.urandom(_AT_ONCE * _DIGITS // 2).hex()
        begin = _uuid_beginning(os.urandom(10).hex())
        _ready.extend([digits[place : place + _DIGITS] + begin for place in range(0, len(digits), _DIGITS)])
    return _ready.pop()


def _uuid_beginning(digits: str) -> str:
    """From random digits, at a third of the price of `uuid4`."""
    variant = "89ab"[int(digits[15], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-{variant}{digits[16:19]}-"


class Trace:
    """One request's ids as lower-case hexadecimal texts, and its spans where they are exported.

    `digits` are `random_digits`: 32 for the trace and 16 for the span where no others are given, 16 for the request,
    and the rest for the event that tells of the decision.
    """

    __slots__ = ("_owned", "_parent", "_sending", "_span", "digits", "span_id", "state", "trace_id")

    def __init__(
        self,
        digits: str,
        trace_id: str | None = None,
        span_id: str | None = None,
        state: bytes | None = None,
        span: Span | None = None,
        *,
        owned: bool = False,
    ) -> None:
        self.digits = digits
        self.trace_id = trace_id or digits[:32]
        self.span_id = span_id or digits[32:48]
        self.state = state
        self._parent = b""
        self._span = span
        self._sending: Span | None = None
        self._owned = owned

    @property
    def request_id(self) -> str:
        """For a request that brings no id."""
        return self.digits[48:64]

    @property
    def decision_id(self) -> str:
        """The id of the event that tells of the decision: a UUID of version 4."""
        return self.digits[76:] + self.digits[64:76]

    def parent(self) -> bytes:
        """The `traceparent` of the event that this request becomes."""
        if self._span is None:
            if not self._parent:  # asked twice, for the delivery and for the decision about it
                self._parent = f"00-{self.trace_id}-{self.span_id}-00".encode()
            return self._parent
        self._sending = tracer.start_span(
            "send WebhookReceivedV1", set_span_in_context(self._span), SpanKind.PRODUCER, {"messaging.system": "kafka"}
        )
        return _header(self._sending.get_span_context())

    def told(self) -> bytes:
        """The `traceparent` of the event that tells of the decision."""
        return _header(self._span.get_span_context()) if self._span else self.parent()

    def end(self, route: str, status: int) -> None:
        """The answer is decided."""
        if self._span is None:
            return
        if self._sending is not None:
            self._sending.end()
        if not self._owned:
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
        return Trace(random_digits())
    context = context_of(_text(parent), _text(state))
    if spans:
        span = tracer.start_span(f"POST {route}", context, SpanKind.SERVER, record_exception=False)
        return of_span(span, owned=True)
    given = trace.get_current_span(context).get_span_context()
    if not given.is_valid:
        return Trace(random_digits())
    return Trace(random_digits(), trace.format_trace_id(given.trace_id), None, _state(given))


def of_span(span: Span, *, owned: bool = False) -> Trace:
    """The trace of a request whose span is there already; somebody else ends it, unless it is `owned`."""
    context = span.get_span_context()
    if not context.is_valid:
        return Trace(random_digits())
    exported = span if span.is_recording() else None
    ids = trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
    return Trace(random_digits(), *ids, _state(context), exported, owned=owned)


def _header(context: SpanContext) -> bytes:
    return (
        f"00-{trace.format_trace_id(context.trace_id)}-{trace.format_span_id(context.span_id)}"
        f"-{context.trace_flags:02x}"
    ).encode()


def _state(context: SpanContext) -> bytes | None:
    return context.trace_state.to_header().encode() or None


def _text(header: bytes | None) -> str | None:
    return None if header is None else header.decode("latin-1")
