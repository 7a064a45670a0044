"""eBay's own errors: `{"errors": [{errorId, domain, category, …}]}`, and what each means for the caller.

eBay's id is more exact than the HTTP status, which differs between calls and over time for the same id:

| ids                        | raised       | meaning                                                          |
|----------------------------|--------------|------------------------------------------------------------------|
| 1001, 1002, 1003           | Unauthorized | access token invalid, missing, or expired                        |
| 1100                       | Blocked      | the token lacks a scope                                          |
| 2001                       | RateLimited  | the call's limit is reached                                      |
| 25701, 25702, 25710, 25713 | NotFound     | no such SKU, resource or offer                                   |
| 25001, 25025               | Unavailable  | a system error; the item is changed by another call right now    |
| anything else              | by status    | libs.http.errors                                                 |

Sources: Inventory API 1.18 (its response codes), OAuth and rate limit errors as reported live.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from libs.http.errors import (
    ApiError,
    Blocked,
    CircuitOpen,
    Later,
    NotFound,
    RateLimited,
    Unauthorized,
    Unavailable,
)

OFFER_NOT_AVAILABLE = 25713
"""The answer of getOffers, as 404, for a SKU without offers."""

INSUFFICIENT_PERMISSIONS = 1100
TOO_MANY_REQUESTS = 2001

_MEANING: dict[int, type[ApiError]] = {
    1001: Unauthorized,
    1002: Unauthorized,
    1003: Unauthorized,
    INSUFFICIENT_PERMISSIONS: Blocked,
    TOO_MANY_REQUESTS: RateLimited,
    25001: Unavailable,
    25025: Unavailable,
    25701: NotFound,
    25702: NotFound,
    25710: NotFound,
    OFFER_NOT_AVAILABLE: NotFound,
}

_MOST = 20
_LONGEST = 500


class Category(StrEnum):
    """Whose fault it is: eBay's application, a business rule, or the request. UNKNOWN: another word, or none."""

    APPLICATION = "APPLICATION"
    BUSINESS = "BUSINESS"
    REQUEST = "REQUEST"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class EbayError:
    """One entry of `errors` or `warnings`. `str()` names id, domain and category; messages may quote our own data."""

    id: int
    domain: str
    category: Category
    message: str
    long_message: str
    parameters: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.domain} {self.id} ({self.category})"


def errors_in(body: Any, name: str = "errors") -> tuple[EbayError, ...]:
    """The errors (or `warnings`) in an answer's JSON; what is not of eBay's form is left out. Never raises."""
    told = body.get(name) if isinstance(body, Mapping) else None
    if not isinstance(told, list):
        return ()
    return tuple(made for each in told[:_MOST] if (made := _error(each)) is not None)


def interpreted(error: ApiError) -> ApiError:
    """The error by its eBay ids; the same one if eBay named none. What it tells of the answer is kept."""
    errors = errors_in(error.body)
    if not errors or isinstance(error, CircuitOpen):
        return error
    kind = next((_MEANING[each.id] for each in errors if each.id in _MEANING), type(error))
    detail = f"{error.detail}: {', '.join(map(str, errors))}"
    if issubclass(kind, Later):
        asked = error.retry_after if isinstance(error, Later) else None
        meant: ApiError = kind(error.operation, detail, status=error.status, body=error.body, retry_after=asked)
    else:
        meant = kind(error.operation, detail, status=error.status, body=error.body)
    meant.headers, meant.raw = error.headers, error.raw
    return meant


def says(error: ApiError, error_id: int) -> bool:
    """Whether eBay gave this id as a reason."""
    return any(each.id == error_id for each in errors_in(error.body))


def meaning(status: int, errors: tuple[EbayError, ...]) -> type[ApiError] | None:
    """What one entry's status and errors in a bulk answer mean (None: nothing was wrong with it)."""
    for each in errors:
        if each.id in _MEANING:
            return _MEANING[each.id]
    if status < 300:
        return None
    by_status: dict[int, type[ApiError]] = {401: Unauthorized, 403: Blocked, 404: NotFound, 429: RateLimited}
    return by_status.get(status, Unavailable if status >= 500 else ApiError)


def _error(told: Any) -> EbayError | None:
    error_id = told.get("errorId") if isinstance(told, Mapping) else None
    if not isinstance(error_id, int) or isinstance(error_id, bool):
        return None
    category = str(told.get("category"))
    return EbayError(
        id=error_id,
        domain=_text(told.get("domain")) or "no domain",
        category=Category(category) if category in Category.__members__ else Category.UNKNOWN,
        message=_text(told.get("message")),
        long_message=_text(told.get("longMessage")),
        parameters=_parameters(told.get("parameters")),
    )


def _parameters(told: Any) -> Mapping[str, str]:
    pairs = told[:_MOST] if isinstance(told, list) else []
    return {_text(each.get("name")): _text(each.get("value")) for each in pairs if isinstance(each, Mapping)}


def _text(value: Any) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""
