"""offset and limit, as MercadoLibre understands them."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from services.sandbox.mercadolibre.errors import Refusal

T = TypeVar("T")


def page(
    found: Sequence[T], query: Mapping[str, str], *, default: int, most: int
) -> tuple[Sequence[T], dict[str, int]]:
    """The page asked for, and `paging`; limit is cut to `most`. Raise Refusal 400 if one of them is not a number."""
    offset, limit = _count(query, "offset", 0), min(_count(query, "limit", default), most)
    return found[offset : offset + limit], {"total": len(found), "offset": offset, "limit": limit}


def _count(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refusal(400, "bad_request", f"{name} must be a number from 0")
    return int(text)
