"""What everybody may find at eBay: a search for items on sale. Source: Browse API 1, `/buy/browse/v1`."""

from dataclasses import dataclass

from pydantic import Field

from libs.http.errors import Garbage
from libs.marketplaces.ebay.caller import EbayCaller
from libs.marketplaces.ebay.values import EbayAmount, EbayPayload
from libs.marketplaces.entries import Unreadable, read_entries

LARGEST_PAGE = 200
LONGEST_QUERY = 100
_SEARCH = "/buy/browse/v1/item_summary/search"


class Picture(EbayPayload):
    """`{"imageUrl": "https://…"}`"""

    image_url: str | None = None


class ItemSummary(EbayPayload):
    """An item on sale. `price` is that of a fixed price, or an auction's present bid where there is none."""

    item_id: str = Field(min_length=1, max_length=100)
    title: str | None = None
    price: EbayAmount | None = None
    current_bid_price: EbayAmount | None = None
    condition: str | None = None
    item_web_url: str | None = None
    image: Picture | None = None
    legacy_item_id: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of items, best match first. `total` is about how many there are; `unreadable`: of another form."""

    entries: tuple[ItemSummary, ...]
    unreadable: tuple[Unreadable, ...]
    total: int | None


class Browse:
    """The search. Its tokens are the application's own (application_tokens.py), no seller's."""

    def __init__(self, caller: EbayCaller) -> None:
        self._caller = caller

    async def search(self, query: str, *, limit: int = 10, offset: int = 0) -> Found:
        """Items whose words match all of the query's (1 to 100 characters). Raises ApiError."""
        if not 1 <= len(query) <= LONGEST_QUERY or not 1 <= limit <= LARGEST_PAGE or offset % limit:
            raise ValueError(f"a query has 1 to {LONGEST_QUERY} characters, a page 1 to {LARGEST_PAGE} items")
        asked = {"q": query, "limit": str(limit), "offset": str(offset)}
        answer = await self._caller.call("GET", _SEARCH, operation=_SEARCH, query=asked)
        told = answer.body.get("itemSummaries", []) if isinstance(answer.body, dict) else None
        if not isinstance(told, list):  # where nothing is found, the key is absent
            error = Garbage(f"GET {_SEARCH}", "the answer is no page of itemSummaries", status=answer.status)
            error.headers, error.raw = answer.headers, answer.raw
            raise error
        entries, unreadable = read_entries(told, ItemSummary)
        total = answer.body.get("total")
        total = total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None
        return Found(entries, unreadable, total)
