"""Pages of eBay's lists, right with both readings of `offset`.

| API                                | `offset` counts | `next`                                             |
|------------------------------------|-----------------|----------------------------------------------------|
| Inventory, official                | pages           | a relative path, absent on the last page           |
| Inventory, as some documents have it | items         | a URL or a path                                    |
| Fulfillment, Feed                  | records         | a URL                                              |

`next` is written by whoever counts, so its `offset` and `limit` are taken as they are, and nothing else of it: its
host and path are never asked, for they would get our token. An answer may also shorten `limit`; `next` tells it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

from libs.http.errors import Garbage
from libs.marketplaces.ebay.values import EbayPayload
from libs.marketplaces.payload import Malformed

P = TypeVar("P", bound=EbayPayload)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list, in eBay's own terms. Kept by a run, it is where another process goes on."""

    offset: int = 0
    limit: int = 200

    def query(self) -> dict[str, str]:
        return {"limit": str(self.limit), "offset": str(self.offset)}


FIRST = Cursor()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry that is not of the expected form; the rest of its page is not affected.

    `id` if it told one; `told` is the entry as it came, in JSON terms.
    """

    id: str | None
    reason: str
    told: Any


@dataclass(frozen=True, slots=True)
class Page(Generic[P]):
    """One page. `total` is the number of entries of the whole list at this moment, None if it was not told.

    `told` has the entries as they came, in JSON terms and in the same order.
    """

    cursor: Cursor
    entries: tuple[P, ...]
    unreadable: tuple[Unreadable, ...]
    total: int | None
    next: Cursor | None
    told: tuple[Any, ...] = ()

    @property
    def fetched(self) -> int:
        """How many entries eBay sent, readable or not."""
        return len(self.entries) + len(self.unreadable)

    @property
    def pages(self) -> int:
        """How many pages of this size the whole list has at this moment, at least one.

        A page with a next one is full: what came is the size, even if that is less than what was asked for.
        """
        size = self.fetched if self.next else self.cursor.limit
        return max(1, -(-(self.total or 0) // size))

    def rest(self) -> tuple[Cursor, ...]:
        """The cursors of the pages after the list's *first* one, which this must be: for fetching several at a time.

        The step between this page and the next shows what `offset` counts. Whoever fetches so must still follow
        `next` of the last page, because the list may have grown.
        """
        if self.next is None:
            return ()
        step = self.next.offset - self.cursor.offset
        return tuple(Cursor(self.cursor.offset + step * number, self.next.limit) for number in range(1, self.pages))


FetchPage = Callable[[Cursor], Awaitable[Page[P]]]


async def pages(fetch: FetchPage[P], start: Cursor) -> AsyncIterator[Page[P]]:
    """The pages from `start` on, one after another. Entries that move while it goes may be seen twice or not at all."""
    cursor: Cursor | None = start
    while cursor is not None:
        page = await fetch(cursor)
        yield page
        cursor = page.next


def read_page(
    operation: str,
    body: Any,
    cursor: Cursor,
    *,
    name: str,
    model: type[P],
    identity: Callable[[Any], str | None],
    counts_items: bool = False,
) -> Page[P]:
    """The page in an answer's JSON; `name` is that of its list. `counts_items`: what `offset` counts is known.

    Raises Garbage if it is no page, or if its `next` does not go forward (following it would never end).
    """
    if not isinstance(body, dict) or not isinstance(body.get(name, []), list | None):
        raise Garbage(operation, f"the answer is no page of {name}")
    told = body.get(name) or []
    entries: list[P] = []
    raw: list[Any] = []
    unreadable: list[Unreadable] = []
    for each in told:
        try:
            entries.append(model.read(each))
            raw.append(each)
        except Malformed as error:
            unreadable.append(Unreadable(identity(each), str(error), each))
    total = body.get("total")
    total = total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None
    following = _next(operation, body, cursor, len(told), total, counts_items) if told else None
    return Page(cursor, tuple(entries), tuple(unreadable), total, following, tuple(raw))


def _next(
    operation: str, body: dict[str, Any], cursor: Cursor, fetched: int, total: int | None, counts_items: bool
) -> Cursor | None:
    told = body.get("next")
    if isinstance(told, str) and told:
        query = parse_qs(urlsplit(told).query)
        following = Cursor(_number(query, "offset", -1), _number(query, "limit", cursor.limit))
        if following.offset <= cursor.offset or following.limit < 1:
            raise Garbage(operation, "the page names a next one that does not come after it")
        return following
    told = body.get("limit")
    limit = min(told, cursor.limit) if isinstance(told, int) and told > 0 else cursor.limit
    if total is None or fetched < limit:
        return None
    # No `next`, though the page is full: at the end, or an answer without links. An `offset` of its own marks the
    # shape that counts items; the official one has no such key and counts pages.
    items = counts_items or "offset" in body
    seen = cursor.offset + fetched if items else (cursor.offset + 1) * limit
    if seen >= total:
        return None
    return Cursor(cursor.offset + (fetched if items else 1), limit)


def _number(query: dict[str, list[str]], name: str, default: int) -> int:
    text = query.get(name, [""])[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default
