"""Pages: what `offset` counts, and how `next` is written, in either shape."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from services.sandbox.ebay.refusal import Refusal, inventory_refusal
from services.sandbox.ebay.switches import Shape

_INVALID = "Invalid value for limit or offset. Limit must be from 1 to the maximum, offset from 0."


@dataclass(frozen=True, slots=True)
class Asked:
    """`limit` and `offset` as they were asked for; `start` is the place of the first entry."""

    limit: int
    offset: int
    start: int

    @property
    def stop(self) -> int:
        return self.start + self.limit


def asked(request: web.Request, *, default: int, most: int, counts_pages: bool) -> Asked:
    """Raise Refusal (400, 25706) for values that are no pages."""
    limit = _number(request, "limit", default)
    offset = _number(request, "offset", 0)
    if not 1 <= limit <= most:
        raise _refused()
    return Asked(limit, offset, offset * limit if counts_pages else offset)


def envelope(
    request: web.Request, page: Asked, total: int, shape: Shape, more: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What stands around a page's entries. `more`: further query parameters of its links.

    Official: relative links, `next` and `prev` only where there is such a page, `size` the number of pages, no
    `offset`. Documented: absolute links, and `offset`.
    """
    official = shape is Shape.OFFICIAL
    step = 1 if official else page.limit
    path = request.path[request.path.index("/sell/") :]
    base = "" if official else str(request.url.origin()) + request.path[: request.path.index("/sell/")]

    def link(offset: int) -> str:
        return f"{base}{path}?{urlencode({**(more or {}), 'offset': offset, 'limit': page.limit})}"

    told: dict[str, Any] = {"href": link(page.offset), "limit": page.limit, "total": total}
    if page.stop < total:
        told["next"] = link(page.offset + step)
    if page.offset > 0 and official:
        told["prev"] = link(page.offset - step)
    if official:
        told["size"] = -(-total // page.limit)
    else:
        told["offset"] = page.offset
    return told


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise _refused()
    return int(text)


def _refused() -> Refusal:
    return inventory_refusal(400, 25706, _INVALID)
