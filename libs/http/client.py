"""The one way to call somebody else's HTTP API: timeouts, retries, limits, a circuit breaker, tokens, metrics, spans.

Knows no API in particular: what is asked, and what an answer means, is told by who uses it. A call is at most:
token → [breaker → rate limit → one request → answer] × attempts → on 401 once more with a fresh token.
"""

import random
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, BinaryIO, Self

import aiohttp
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from pydantic import BaseModel, ConfigDict, Field, HttpUrl
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from yarl import URL

from libs.http.answer import Answer
from libs.http.breaker import CircuitBreaker, State
from libs.http.errors import ApiError, Garbage, Later, RateLimited, Unauthorized, Unavailable
from libs.http.limits import LocalRateLimiter, RateLimiter
from libs.http.request import Request, error_of, success_body
from libs.http.tokens import TokenProvider
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import HTTP_CLIENT_CIRCUIT_OPEN, HTTP_CLIENT_DURATION, HTTP_CLIENT_REQUESTS
from libs.telemetry.trace import trace_headers, tracer

log = get_logger()

Receive = Callable[[Request, aiohttp.ClientResponse], Awaitable[Answer]]
"""Reads the content of a 2xx answer."""

_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})  # idempotent by RFC 9110, section 9.2.2


class ApiSettings(BaseModel):
    """How an API is reached and how patiently.

    | setting                  | meaning                                                                |
    |--------------------------|------------------------------------------------------------------------|
    | timeout_seconds          | one attempt, from connecting to the last byte                          |
    | attempts                 | tries of a repeatable request within one call, pauses between them     |
    | pause_seconds            | the first pause; doubles, with full jitter                             |
    | longest_pause_seconds    | a longer pause, or a longer Retry-After, is left to the caller         |
    | unnamed_retry_seconds    | how long a 429 without Retry-After holds all back; 0: only its call    |
    | max_answer_bytes         | a longer answer is garbage                                             |
    | circuit_failures         | failures in a row that open the circuit                                |
    | circuit_open_seconds     | how long it stays open before one request probes                       |
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: HttpUrl
    timeout_seconds: float = Field(default=10.0, gt=0)
    attempts: int = Field(default=3, ge=1, le=10)
    pause_seconds: float = Field(default=0.25, gt=0)
    longest_pause_seconds: float = Field(default=5.0, gt=0)
    unnamed_retry_seconds: float = Field(default=0.0, ge=0)
    max_answer_bytes: int = Field(default=4 * 1024 * 1024, gt=0)
    circuit_failures: int = Field(default=5, ge=1)
    circuit_open_seconds: float = Field(default=30.0, gt=0)
    user_agent: str = "sellstream"


class ApiClient:
    """A client of one API, shared by all accounts: `async with ApiClient("name", settings) as api`."""

    def __init__(self, name: str, settings: ApiSettings, limiter: RateLimiter | None = None) -> None:
        self.name = name
        self._settings = settings
        self._base = str(settings.base_url).rstrip("/")
        self._limiter = limiter or LocalRateLimiter(max_wait=settings.longest_pause_seconds)
        self.breaker = CircuitBreaker(
            name,
            failures=settings.circuit_failures,
            open_for=settings.circuit_open_seconds,
            on_change=self._circuit_changed,
        )
        self._session: aiohttp.ClientSession | None = None
        HTTP_CLIENT_CIRCUIT_OPEN.labels(name).set(0)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"Accept": "application/json", "User-Agent": self._settings.user_agent},
            cookie_jar=aiohttp.DummyCookieJar(),  # an API's cookies must not tie one account's calls to another's
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(
        self,
        method: str,
        path: str,
        *,
        operation: str | None = None,
        tokens: TokenProvider | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        body: Any = None,
        repeatable: bool | None = None,
        past_circuit: bool = False,
    ) -> Answer:
        """Send a request and return its 2xx answer; raise an ApiError otherwise.

        `path` begins with a slash and is already percent-encoded. `operation` names the route in metrics, spans and
        errors (`/orders/{id}`): it must not hold ids. `form` or `body` (JSON) is sent; `repeatable` says that sending
        twice does no harm (default: by the method). With `tokens`, a 401 is answered by one refresh and one more try.
        `past_circuit`: send it also while the circuit is open, for who asks whether the other side is there at all.
        """
        request = Request(
            method=method,
            url=URL(f"{self._base}{path}", encoded=True),
            operation=f"{method} {operation or path}",
            headers=dict(headers or {}),
            query=dict(query or {}),
            form=form,
            body=body,
            repeatable=method in _REPEATABLE if repeatable is None else repeatable,
            past_circuit=past_circuit,
        )
        return await self._authorised(request, tokens, self._read_json)

    async def download(
        self,
        path: str,
        sink: BinaryIO,
        *,
        max_bytes: int,
        operation: str | None = None,
        tokens: TokenProvider | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """GET a 2xx answer's bytes into `sink` (seekable), piece by piece; the Answer's body is None.

        Otherwise as `call`, except that `timeout_seconds` counts between two pieces. Each try begins the sink anew, so
        that what is in it afterwards is one whole answer. Raises Garbage if it is longer than `max_bytes`.
        """
        request = Request(
            method="GET",
            url=URL(f"{self._base}{path}", encoded=True),
            operation=f"GET {operation or path}",
            headers={"Accept": "*/*", **(headers or {})},
            query=dict(query or {}),
            form=None,
            body=None,
            repeatable=True,
            streamed=True,
        )

        async def receive(request: Request, response: aiohttp.ClientResponse) -> Answer:
            sink.seek(0)
            sink.truncate()
            await self._copy(request, response, sink.write, max_bytes)
            return Answer(response.status, response.headers, None)

        return await self._authorised(request, tokens, receive)

    async def _authorised(self, request: Request, tokens: TokenProvider | None, receive: Receive) -> Answer:
        if tokens is None:
            return await self._with_retries(request, receive)
        token = await tokens.token()
        try:
            return await self._with_retries(request.bearing(token), receive)
        except Unauthorized:
            fresh = await tokens.refresh(rejected=token)
            return await self._with_retries(request.bearing(fresh), receive)

    async def _with_retries(self, request: Request, receive: Receive) -> Answer:
        attempts = self._settings.attempts if request.repeatable else 1
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(attempts),
            retry=retry_if_exception(self._worth_waiting_for),
            wait=self._pause,
            reraise=True,
        ):
            with attempt:
                return await self._attempt(request, attempt.retry_state.attempt_number, receive)
        raise AssertionError("tenacity ends by an answer or by the last error")

    def _worth_waiting_for(self, error: BaseException) -> bool:
        if not isinstance(error, RateLimited | Unavailable):
            return False
        return error.retry_after is None or error.retry_after.total_seconds() <= self._settings.longest_pause_seconds

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, Later) else None
        most = min(self._settings.pause_seconds * 2 ** (state.attempt_number - 1), self._settings.longest_pause_seconds)
        jitter = random.uniform(0, most)  # noqa: S311  (spreads callers out; not a secret)
        return asked.total_seconds() + jitter * 0.1 if asked is not None else jitter

    async def _attempt(self, request: Request, number: int, receive: Receive) -> Answer:
        if not request.past_circuit:
            self.breaker.check()
        await self._limiter.acquire(request.operation)
        began = time.perf_counter()
        outcome = "cancelled"
        with (
            tracer.start_as_current_span(
                request.operation, kind=SpanKind.CLIENT, record_exception=False, set_status_on_exception=False
            ) as span,
            self.breaker.guard(past=request.past_circuit),
        ):
            span.set_attributes(request.span_attributes(number))
            try:
                answer = await self._exchange(request, span, receive)
                outcome = str(answer.status)
            except ApiError as error:
                outcome = str(error.status or type(error).__name__.lower())
                span.set_attribute("error.type", outcome)
                span.set_status(Status(StatusCode.ERROR, error.detail))
                if isinstance(error, RateLimited):
                    # Without a Retry-After nobody knows for how long all should wait, unless the API's settings do.
                    if error.retry_after is None and self._settings.unnamed_retry_seconds:
                        error.retry_after = timedelta(seconds=self._settings.unnamed_retry_seconds)
                    if error.retry_after is not None:
                        log.warning(f"Rate limit hit, retrying after {error.retry_after.total_seconds():g}s")
                    await self._limiter.push_back(request.operation, error.retry_after or timedelta(0))
                raise
            finally:
                seconds = time.perf_counter() - began
                HTTP_CLIENT_REQUESTS.labels(self.name, request.operation, outcome).inc()
                HTTP_CLIENT_DURATION.labels(self.name, request.operation).observe(seconds)
                log.info(
                    "call",
                    client=self.name,
                    operation=request.operation,
                    outcome=outcome,
                    attempt=number,
                    milliseconds=round(seconds * 1000, 3),
                )
        return answer

    async def _exchange(self, request: Request, span: Span, receive: Receive) -> Answer:
        if self._session is None:
            raise RuntimeError(f"the client {self.name} is used outside of its context")
        content_headers, content = request.content()
        try:
            async with self._session.request(
                request.method,
                request.url,
                params=request.query or None,
                headers={**request.headers, **content_headers, **trace_headers()},
                data=content,
                skip_auto_headers=("Content-Type",) if content is None else None,  # of no content there is no type
                allow_redirects=False,  # a redirect would carry the token to wherever it points
                timeout=self._timeout(request),
            ) as response:
                span.set_attribute("http.response.status_code", response.status)
                if 200 <= response.status < 300:
                    return await receive(request, response)
                raw = await self._of_refusal(request, response)
        except TimeoutError as error:
            told = f"no answer within {self._settings.timeout_seconds:g} s"
            raise Unavailable(request.operation, told) from error
        except aiohttp.ClientError as error:
            raise Unavailable(request.operation, f"{type(error).__name__} at {self._base}") from error
        raise _with_answer(error_of(request.operation, response.status, response.headers, raw), response, raw)

    def _timeout(self, request: Request) -> aiohttp.ClientTimeout:
        seconds = self._settings.timeout_seconds
        if request.streamed:
            return aiohttp.ClientTimeout(total=None, connect=seconds, sock_read=seconds)
        return aiohttp.ClientTimeout(total=seconds)

    async def _read_json(self, request: Request, response: aiohttp.ClientResponse) -> Answer:
        raw = await self._bounded(request, response)
        try:
            body = success_body(request.operation, response.status, raw)
        except Garbage as error:
            raise _with_answer(error, response, raw) from None
        return Answer(response.status, response.headers, body, raw)

    async def _of_refusal(self, request: Request, response: aiohttp.ClientResponse) -> bytes:
        """An error's body, cut where it is too long: what it means is told by its status."""
        try:
            return await self._bounded(request, response)
        except Garbage as error:
            return error.raw

    async def _bounded(self, request: Request, response: aiohttp.ClientResponse) -> bytes:
        """The answer's bytes; raises Garbage with the first ones of an answer that is too long."""
        parts = bytearray()
        try:
            await self._copy(request, response, parts.extend, self._settings.max_answer_bytes)
        except Garbage as error:
            raise _with_answer(error, response, bytes(parts)) from None
        return bytes(parts)

    async def _copy(
        self, request: Request, response: aiohttp.ClientResponse, write: Callable[[bytes], object], most: int
    ) -> None:
        length = 0
        async for part in response.content.iter_chunked(64 * 1024):
            length += len(part)
            if length > most:
                write(part[: most - length])
                response.close()
                raise Garbage(request.operation, f"the answer is longer than {most} bytes", status=response.status)
            write(part)

    def _circuit_changed(self, state: State) -> None:
        HTTP_CLIENT_CIRCUIT_OPEN.labels(self.name).set(0 if state is State.CLOSED else 1)
        log.warning("circuit", client=self.name, state=state.value)


def _with_answer(error: ApiError, response: aiohttp.ClientResponse, raw: bytes) -> ApiError:
    error.headers, error.raw = response.headers, raw
    return error
