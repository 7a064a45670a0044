"""Klekt's products: a search, in a wire format of ours (README.md).

async with ApiClient("klekt", ApiSettings(base_url=…)) as api:
    found = await Klekt(api).search("DD1391-100")
"""

from dataclasses import dataclass

from libs.http.client import ApiClient
from libs.http.errors import Garbage
from libs.marketplaces.entries import Unreadable, read_entries
from libs.marketplaces.klekt.payloads import KlektProduct

LARGEST_PAGE = 50
_PRODUCTS = "/products"


@dataclass(frozen=True, slots=True)
class Page:
    """Products, the best match first; `total` of the whole search, None if not told; `unreadable`: of another form."""

    entries: tuple[KlektProduct, ...]
    unreadable: tuple[Unreadable, ...]
    total: int | None


class Klekt:
    """Whatever answers for Klekt."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def search(self, query: str, *, page: int = 1, page_size: int = 10) -> Page:
        """One page of what is found. Raises ApiError."""
        if not query or page < 1 or not 1 <= page_size <= LARGEST_PAGE:
            raise ValueError(f"a search has a query, a page from 1, and 1 to {LARGEST_PAGE} products, not {page_size}")
        asked = {"query": query, "page": str(page), "pageSize": str(page_size)}
        answer = await self._api.call("GET", _PRODUCTS, query=asked)
        told = answer.body.get("products") if isinstance(answer.body, dict) else None
        if not isinstance(told, list):
            error = Garbage(f"GET {_PRODUCTS}", "the answer is no page of products", status=answer.status)
            error.headers, error.raw = answer.headers, answer.raw
            raise error
        entries, unreadable = read_entries(told, KlektProduct)
        total = answer.body.get("total")
        total = total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None
        return Page(entries, unreadable, total)
