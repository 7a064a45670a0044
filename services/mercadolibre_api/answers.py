"""What goes wrong, in the documented form: `{"ok": false, "error": …}`."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from aiohttp import web
from pydantic import BaseModel, ValidationError

from libs.db.errors import DatabaseAway
from libs.http.errors import ApiError, Blocked, Later, NotFound, RateLimited, Refused, Unauthorized
from libs.http.openapi import Reply
from libs.marketplaces.mercadolibre.client import reason
from libs.oauth.tokens import NoTokens
from libs.quota.headers import retry_after_header

NO_TOKENS = "No MercadoLibre tokens found. Run OAuth flow first."
REFRESH_FAILED = "Token refresh failed"

BLOCK_HEADERS = ("x-policy-agent-block-code", "x-policy-agent-block-reason")
"""By these MercadoLibre's firewall says why it refused a request."""

_SOON = timedelta(seconds=5)

_REFUSALS: tuple[tuple[type[ApiError], int, str], ...] = (
    (Refused, 400, "Bad request"),
    (Unauthorized, 401, "Unauthorized (invalid/expired token)"),
    (Blocked, 403, "Forbidden (token or access issue)"),
    (NotFound, 404, "Not found"),
    (RateLimited, 429, "Too many requests"),
    (Later, 503, "MercadoLibre does not answer"),
    (ApiError, 502, "MercadoLibre's answer cannot be used"),
)
"""The first that fits: what a call ended with, our status, and what it is called."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Failure(BaseModel):
    """What went wrong."""

    ok: bool = False
    error: str


class NotDone(Exception):
    """A request that is answered by a Failure."""

    def __init__(self, status: int, error: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.headers = dict(headers or {})


def failures(**texts: str) -> dict[int, Reply]:
    """Replies for an operation's description: `failures(s400="no code")`."""
    waiting = {"Retry-After": "Seconds to wait"}
    return {
        int(name.removeprefix("s")): Reply(text, Failure, headers=waiting if name in {"s429", "s503"} else {})
        for name, text in texts.items()
    }


def answering(handler: Handler) -> Handler:
    """Let a handler raise NotDone; PostgreSQL being away is told in the same form."""

    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except NotDone as failure:
            return _told(failure)
        except DatabaseAway:
            return _told(NotDone(503, "Our database does not answer: come back soon.", retry_after_header(_SOON)))

    return answered


def _told(failure: NotDone) -> web.Response:
    body = Failure(error=failure.error).model_dump()
    return web.json_response(body, status=failure.status, headers=failure.headers)


def wrong_query(error: ValidationError) -> NotDone:
    """Which parameters are wrong, in status 400."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problems)
    return NotDone(400, f"Bad request: {told}")


def of_tokens(error: ApiError) -> NotDone:
    """Why there is no access token: the documented errors, in status 500."""
    if isinstance(error, NoTokens):
        return NotDone(500, NO_TOKENS)
    return NotDone(500, REFRESH_FAILED, _retry_after(error))


def of_upstream(error: ApiError, standing: Mapping[str, str]) -> NotDone:
    """What MercadoLibre's refusal, or our own quota, is answered with; `standing` are the RateLimit headers."""
    status, text = next((status, text) for kind, status, text in _REFUSALS if isinstance(error, kind))
    headers = {**standing, **(retry_after_header(_SOON) if isinstance(error, Later) else {}), **_retry_after(error)}
    if isinstance(error, Blocked):
        headers |= {name: error.headers[name] for name in BLOCK_HEADERS if name in error.headers}
    if isinstance(error, Refused):
        status = error.status or status
    return NotDone(status, f"{text}: {reason(error)}", headers)


def _retry_after(error: ApiError) -> dict[str, str]:
    asked = error.retry_after if isinstance(error, Later) else None
    return retry_after_header(asked) if asked is not None else {}
