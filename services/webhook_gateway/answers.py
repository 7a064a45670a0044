"""From a verdict to an HTTP response: the marketplace's own success, and errors as problem+json or MercadoLibre's."""

import json
from collections.abc import Callable

from aiohttp import web

from libs.http.server import problem_response
from services.webhook_gateway.verdict import Verdict

Answers = Callable[[Verdict, str], web.Response]
"""Makes the response to a verdict; the second argument is the request id."""


def problem_answer(verdict: Verdict, request_id: str) -> web.Response:
    """The marketplace's success, or RFC 9457 problem details with the reason as extension `reason`."""
    if verdict.reason is None:
        return _success(verdict)
    return problem_response(
        verdict.status, verdict.detail, request_id=request_id, headers=verdict.headers, reason=verdict.reason
    )


def mercadolibre_answer(verdict: Verdict, request_id: str) -> web.Response:  # noqa: ARG001  (an `Answers`)
    """As MercadoLibre's document says: `{"ok": true}`, or `{"ok": false, "error": …}` with the status of the error."""
    if verdict.reason is None:
        return _success(verdict)
    body = json.dumps({"ok": False, "error": verdict.detail}, ensure_ascii=False).encode()
    return web.Response(
        status=verdict.status, body=body, content_type="application/json", charset="utf-8", headers=verdict.headers
    )


def _success(verdict: Verdict) -> web.Response:
    if verdict.status == 204:
        return web.Response(status=204)
    return web.Response(
        status=verdict.status, body=json.dumps(verdict.body).encode(), content_type="application/json", charset="utf-8"
    )
