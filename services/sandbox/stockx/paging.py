"""StockX's pages: `{count, pageSize, pageNumber, hasNextPage, …}`."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, TypeVar

from aiohttp import web

from services.sandbox.stockx.errors import Refusal

T = TypeVar("T")


def page_of(
    request: web.Request, name: str, everything: Sequence[T], shown: Callable[[T], Any], *, most: int, default: int = 10
) -> dict[str, Any]:
    """The page that a request asks for; raise Refusal 400 for one that cannot be."""
    number, size = whole(request, "pageNumber", 1, 10**6), whole(request, "pageSize", default, most)
    start = (number - 1) * size
    chosen = everything[start : start + size]
    return {
        "count": len(everything),
        "pageSize": size,
        "pageNumber": number,
        "hasNextPage": start + size < len(everything),
        name: [shown(each) for each in chosen],
    }


def whole(request: web.Request, name: str, default: int, most: int) -> int:
    """A whole number from 1 of the query."""
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= most):
        raise Refusal(400, f"{name} must be from 1 to {most}")
    return int(text)


def several(request: web.Request, name: str, allowed: frozenset[str] | None = None) -> frozenset[str]:
    """A comma list of the query; empty if it was not given."""
    told = frozenset(each for each in request.query.get(name, "").split(",") if each)
    if allowed is not None and told - allowed:
        raise Refusal(400, f"Invalid {name}")
    return told


def day(request: web.Request, name: str, default: date) -> date:
    """A day of the query, YYYY-MM-DD."""
    text = request.query.get(name)
    try:
        return default if text is None else date.fromisoformat(text)
    except ValueError:
        raise Refusal(400, f"{name} must be YYYY-MM-DD") from None
