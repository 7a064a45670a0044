"""StockX's response codes, each with its own outcome. Its errors are `{"statusCode": 400, "message": "…"}`.

| code              | outcome                                    | fate (libs.http.errors)                             |
|-------------------|--------------------------------------------|-----------------------------------------------------|
| 200, 201          | what was asked for                         |                                                     |
| 204               | an empty page, or NothingTold for the rest | it is done, but what became of it must be read      |
| 400               | BadRequest                                 | Refused: the request is wrong, never send it again  |
| 401               | Unauthorized, after one refresh            | a person must authorise the account again           |
| 403               | Forbidden                                  | Blocked: the key or the account lacks a permission  |
| 404               | NotFound                                   | there is no such thing, or not for us               |
| 413               | RequestTooLarge                            | Refused: send less at once                          |
| 415               | UnsupportedMediaType                       | Refused: a mistake of ours                          |
| 429               | RateLimited, with `retry_after` if told    | come back then; all replicas wait                   |
| 500               | InternalServerError                        | Unavailable: come back later                        |
| 503               | ServiceUnavailable                         | Unavailable: come back later                        |
| 504               | GatewayTimeout                             | Unavailable: it may yet have been done              |
| other 4xx, 5xx    | Refused, Unavailable                       | as their class                                      |
| none              | Unavailable, CircuitOpen                   | no answer in 10 s; not asked                        |
| unreadable        | Garbage, with `raw`, the answer's bytes    | to be kept for people                               |

Sources: API introduction (response codes); the contract's error body. Live bodies were seen with `errorMessage`.
"""

from collections.abc import Mapping
from typing import Any

from libs.http.errors import (
    ApiError,
    Blocked,
    CircuitOpen,
    Garbage,
    Later,
    NotFound,
    RateLimited,
    Refused,
    Unavailable,
)
from libs.oauth.tokens import TokensAway

_LONGEST = 300


class BadRequest(Refused):
    """400: a parameter is missing or wrong; StockX's message says which."""


class Forbidden(Blocked):
    """403: the API key or the account has no permission for this."""


class RequestTooLarge(Refused):
    """413: the request holds more than StockX takes at once."""


class UnsupportedMediaType(Refused):
    """415: the request's body is not JSON."""


class InternalServerError(Unavailable):
    """500: an error at StockX."""


class ServiceUnavailable(Unavailable):
    """503: StockX does not work now."""


class GatewayTimeout(Unavailable):
    """504: StockX took too long. What was asked for may have been done, or be done yet."""


class NothingTold(Garbage):
    """204: it is done, and nothing was told about it where something was expected."""


_MEANING: Mapping[int, type[ApiError]] = {
    400: BadRequest,
    403: Forbidden,
    413: RequestTooLarge,
    415: UnsupportedMediaType,
    500: InternalServerError,
    503: ServiceUnavailable,
    504: GatewayTimeout,
}

_PLAIN: frozenset[type[ApiError]] = frozenset({Refused, Blocked, NotFound, Unavailable})


def interpreted(error: ApiError) -> ApiError:
    """The error by its response code. StockX's words are added where they are about the request itself."""
    if type(error) not in _PLAIN:
        return error  # its meaning is told already, or it is about our tokens
    kind = _MEANING.get(error.status or 0, type(error))
    told = message_of(error.body) if isinstance(error, Refused | NotFound) else ""
    detail = f"{error.detail}: {told}" if told else error.detail
    if issubclass(kind, Later):
        asked = error.retry_after if isinstance(error, Later) else None
        meant: ApiError = kind(error.operation, detail, status=error.status, body=error.body, retry_after=asked)
    else:
        meant = kind(error.operation, detail, status=error.status, body=error.body)
    meant.headers, meant.raw = error.headers, error.raw
    return meant


def message_of(body: Any) -> str:
    """What an error's body says, on one line and cut to 300 characters; empty if it is not of StockX's form."""
    if not isinstance(body, Mapping):
        return ""
    told = body.get("message") or body.get("errorMessage")
    if not isinstance(told, str):
        return ""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in told[:_LONGEST]).split())


def failed_there(error: ApiError) -> bool:
    """Whether StockX was asked and failed: 5xx, 408, a timeout. It may be this one resource that does."""
    return isinstance(error, Unavailable) and not isinstance(error, TokensAway)


def may_have_happened(error: ApiError) -> bool:
    """Whether a write that failed so may have been done: it must not be sent again before that is looked up.

    True after 5xx, a timeout, a broken connection, an unreadable answer. False where StockX said no, or was not asked.
    """
    if isinstance(error, CircuitOpen | RateLimited | TokensAway):
        return False
    return isinstance(error, Unavailable | Garbage)
