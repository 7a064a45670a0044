"""Pages of StockX's lists: `pageNumber` from 1, `hasNextPage`; and its bare arrays.

One bad entry does not spoil its page: it stands in `unreadable` with its own bytes. A list moves while it is read: an
entry may come twice or not at all, so whoever reads all pages must count identities once.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from libs.http.answer import Answer
from libs.marketplaces.entries import Unreadable, read_entries
from libs.marketplaces.stockx.caller import garbage
from libs.marketplaces.stockx.values import StockXPayload

MOST_PAGES = 100_000
"""No list of a seller is longer: 25,000 requests are a day's."""

P = TypeVar("P", bound=StockXPayload)


@dataclass(frozen=True, slots=True)
class Page(Generic[P]):
    """One page, from `number` 1 on. `total` is how many entries the whole list has at this moment, None if not told."""

    number: int
    entries: tuple[P, ...]
    unreadable: tuple[Unreadable, ...]
    total: int | None
    has_next: bool


def page_query(number: int, size: int, most: int, filters: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """`pageNumber`, `pageSize`, and the filters that are not None; raises ValueError for a page that cannot be."""
    if number < 1 or not 1 <= size <= most:
        raise ValueError(f"page {number} of {size} entries: pages begin at 1, and have 1 to {most} entries")
    told = {name: value for name, value in (filters or {}).items() if value}
    return {"pageNumber": str(number), "pageSize": str(size), **told}


def read_page(operation: str, answer: Answer, model: type[P], name: str, number: int) -> Page[P]:
    """The page in an answer; `name` is that of its list. No content (204) is an empty page. Raises Garbage."""
    if answer.body is None:
        return Page(number, (), (), 0, has_next=False)
    body = answer.body
    told = body.get(name) if isinstance(body, dict) else None
    if not isinstance(told, list):
        raise garbage(operation, f"the answer is no page of {name}", answer)
    entries, unreadable = read_entries(told, model)
    total = body.get("count")
    total = total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None
    more = body.get("hasNextPage")
    if not isinstance(more, bool):
        raise garbage(operation, "the page does not say whether it has a next one", answer)
    return Page(number, entries, unreadable, total, has_next=more and bool(told))


def read_array(operation: str, answer: Answer, model: type[P]) -> tuple[P, ...]:
    """The entries of an answer that is a bare array. Raises Garbage if one is not of the expected form."""
    if answer.body is None:
        return ()
    if not isinstance(answer.body, list):
        raise garbage(operation, "the answer is no array", answer)
    entries, unreadable = read_entries(answer.body, model)
    if unreadable:
        raise garbage(operation, f"{len(unreadable)} of {len(answer.body)} entries: {unreadable[0].reason}", answer)
    return entries


async def pages(fetch: Callable[[int], Awaitable[Page[P]]], start: int = 1) -> AsyncIterator[Page[P]]:
    """The pages from `start` on, one after another."""
    for number in range(start, MOST_PAGES):
        page = await fetch(number)
        yield page
        if not page.has_next:
            return
