"""What every HTTP API of sellstream has in common: health, metrics, request ids, traces, and errors as problem+json."""

import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web
from opentelemetry.trace import SpanKind
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from libs.telemetry.log import get_logger
from libs.telemetry.metrics import HTTP_DURATION, HTTP_REQUESTS
from libs.telemetry.trace import context_of, tracer

log = get_logger()

REQUEST_ID = web.RequestKey("request_id", str)

_OPERATIONAL = frozenset({"/livez", "/healthz", "/readyz", "/metrics"})
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")


class Problem(Exception):
    """An error to be told to the caller as RFC 9457 problem details; `extra` become extension members."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}
        self.extra = extra


class Health:
    """Whether a service is ready: all its dependencies answer, and it is not stopping."""

    def __init__(self, checks: Mapping[str, Callable[[], Awaitable[None]]]) -> None:
        self._checks = checks
        self.stopping = False

    async def report(self) -> dict[str, str]:
        """Each check's name with `ok` or what is wrong."""
        report = {"stopping": "this service is stopping"} if self.stopping else {}
        for name, check in self._checks.items():
            try:
                await check()
            except Exception as error:  # noqa: BLE001  (whatever a dependency raises is why we are not ready)
                report[name] = f"{type(error).__name__}: {error}"
            else:
                report[name] = "ok"
        return report


def prepare_application(app: web.Application, service: str, health: Health) -> None:
    """Add the operational routes and the middleware to a service's application."""
    app.middlewares.insert(0, _observed(service))

    async def livez(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_request: web.Request) -> web.Response:
        report = await health.report()
        ready = all(state == "ok" for state in report.values())
        body = {"status": "ok" if ready else "not ready", "checks": report}
        return web.json_response(body, status=200 if ready else 503)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.router.add_get("/livez", livez)
    app.router.add_get("/healthz", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)


def problem_response(
    status: int, detail: str, *, request_id: str, headers: Mapping[str, str] | None = None, **extra: Any
) -> web.Response:
    """An RFC 9457 answer. `type` is left out: it means about:blank, the status' own meaning."""
    body = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail, "request_id": request_id, **extra}
    return web.Response(
        status=status, body=json.dumps(body).encode(), content_type="application/problem+json", headers=headers
    )


def _observed(service: str) -> Callable[..., Awaitable[web.StreamResponse]]:
    """One span, one wide log line, one count per request; errors become problem details; the request id goes out."""

    @web.middleware
    async def middleware(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path in _OPERATIONAL:
            return await handler(request)
        told = request.headers.get("X-Request-Id", "")
        request_id = told if _REQUEST_ID.match(told) else secrets.token_hex(6)
        request[REQUEST_ID] = request_id
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "unmatched"
        parent = context_of(request.headers.get("traceparent"), request.headers.get("tracestate"))
        began = time.perf_counter()
        with tracer.start_as_current_span(
            f"{request.method} {route}", context=parent, kind=SpanKind.SERVER, record_exception=False
        ) as span:
            response = await _answer(request, handler, request_id)
            seconds = time.perf_counter() - began
            span.set_attributes(
                {
                    "http.request.method": request.method,
                    "http.route": route,
                    "http.response.status_code": response.status,
                }
            )
            log.info(
                "request",
                method=request.method,
                path=request.path[:200] if route == "unmatched" else route,  # a path parameter may be a secret
                status=response.status,
                milliseconds=round(seconds * 1000, 3),
                request_id=request_id,
            )
        HTTP_REQUESTS.labels(service, request.method, route, response.status).inc()
        HTTP_DURATION.labels(service, route).observe(seconds)
        if not response.prepared:
            response.headers["X-Request-Id"] = request_id
        return response

    return middleware


async def _answer(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]], request_id: str
) -> web.StreamResponse:
    if "\0" in request.path or "\0" in request.query_string:
        return problem_response(400, "No address here has a NUL character.", request_id=request_id)
    try:
        return await handler(request)
    except Problem as problem:
        return problem_response(
            problem.status, problem.detail, request_id=request_id, headers=problem.headers, **problem.extra
        )
    except web.HTTPException as error:
        if error.status < 400:
            raise
        keep = {name: value for name, value in error.headers.items() if name in {"Allow", "Retry-After"}}
        return problem_response(error.status, error.text or error.reason, request_id=request_id, headers=keep)
    except Exception:
        log.exception("request failed", path=request.path[:200], request_id=request_id)
        return problem_response(
            500, f"An error of ours; our log tells more under the request id {request_id}.", request_id=request_id
        )
