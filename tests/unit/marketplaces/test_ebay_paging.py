"""Pages: each entry once, whatever `offset` counts, however `next` is written, however far a limit is shortened."""

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.http.errors import Garbage
from libs.marketplaces.ebay.paging import Cursor, Page, pages, read_page
from libs.marketplaces.ebay.values import EbayPayload, Sku


class Thing(EbayPayload):
    sku: Sku


class Server:
    """A list of `total` things. `counts_items`: what its `offset` counts; `most`: a larger limit is shortened.

    `links`: none, or how `next` is written; "asked" repeats the limit that was asked for, though it was shortened.
    """

    def __init__(self, total: int, *, counts_items: bool, links: str = "relative", most: int = 1000) -> None:
        self.total = total
        self.counts_items = counts_items
        self.links = links
        self.most = most
        self.asked: list[Cursor] = []

    def answer(self, cursor: Cursor) -> dict[str, Any]:
        self.asked.append(cursor)
        limit = min(cursor.limit, self.most)
        start = cursor.offset if self.counts_items else cursor.offset * limit
        here = range(start, min(start + limit, self.total))
        told: dict[str, Any] = {"total": self.total, "limit": limit, "things": [{"sku": f"S{each}"} for each in here]}
        if self.counts_items:
            told["offset"] = cursor.offset
        if self.links != "none" and start + limit < self.total:
            step = limit if self.counts_items else 1
            told_limit = cursor.limit if self.links == "asked" else limit
            query = urlencode({"sku": "a&b", "offset": cursor.offset + step, "limit": told_limit})
            host = "https://elsewhere.example.test" if self.links == "absolute" else ""
            told["next"] = f"{host}/things?{query}"
        return told

    async def fetch(self, cursor: Cursor) -> Page[Thing]:
        return page(self.answer(cursor), cursor)


TWO = Cursor(0, 2)


def page(body: Any, cursor: Cursor = TWO, *, counts_items: bool = False) -> Page[Thing]:
    return read_page(
        "GET /things",
        body,
        cursor,
        name="things",
        model=Thing,
        identity=lambda told: told.get("sku") if isinstance(told, dict) else None,
        counts_items=counts_items,
    )


@given(
    total=st.integers(0, 60),
    limit=st.integers(1, 25),
    most=st.integers(1, 25),
    counts_items=st.booleans(),
    links=st.sampled_from(["relative", "absolute", "asked"]),
)
async def test_each_entry_comes_once(total, limit, most, counts_items, links):
    server = Server(total, counts_items=counts_items, links=links, most=most)
    seen = [thing.sku async for each in pages(server.fetch, Cursor(0, limit)) for thing in each.entries]
    assert seen == [f"S{number}" for number in range(total)]
    assert len(server.asked) == max(1, -(-total // min(limit, most)))


@given(total=st.integers(0, 60), limit=st.integers(1, 25), most=st.integers(1, 25), counts_items=st.booleans())
async def test_each_entry_comes_once_without_links(total, limit, most, counts_items):
    server = Server(total, counts_items=counts_items, links="none", most=most)
    seen = [thing.sku async for each in pages(server.fetch, Cursor(0, limit)) for thing in each.entries]
    assert seen == [f"S{number}" for number in range(total)]


@given(
    total=st.integers(0, 60),
    limit=st.integers(1, 25),
    most=st.integers(1, 25),
    counts_items=st.booleans(),
    links=st.sampled_from(["relative", "absolute", "asked", "none"]),
)
async def test_the_first_page_tells_where_all_others_are(total, limit, most, counts_items, links):
    server = Server(total, counts_items=counts_items, links=links, most=most)
    first = await server.fetch(Cursor(0, limit))
    rest = [await server.fetch(cursor) for cursor in first.rest()]
    seen = [thing.sku for each in [first, *rest] for thing in each.entries]
    assert seen == [f"S{number}" for number in range(total)]
    assert first.pages == 1 + len(rest)


@given(total=st.integers(1, 60), limit=st.integers(1, 25), counts_items=st.booleans(), stop=st.integers(0, 59))
async def test_a_kept_cursor_is_where_another_goes_on(total, limit, counts_items, stop):
    server = Server(total, counts_items=counts_items)
    seen, kept = [], None
    async for each in pages(server.fetch, Cursor(0, limit)):
        seen += [thing.sku for thing in each.entries]
        kept = each.next
        if len(seen) > stop:
            break
    if kept is not None:
        seen += [thing.sku async for each in pages(server.fetch, kept) for thing in each.entries]
    assert seen == [f"S{number}" for number in range(total)]


def test_an_unreadable_entry_spoils_no_page():
    told = page({"things": [{"sku": "A"}, {"sku": ""}, None, {"sku": "B", "new": 1}], "total": 4}, Cursor(0, 4))
    assert [thing.sku for thing in told.entries] == ["A", "B"]
    assert [each.id for each in told.unreadable] == ["", None]
    assert told.fetched == 4


def test_a_list_that_shrank_ends():
    assert page({"things": [], "total": 1, "next": "/things?offset=1&limit=2"}, Cursor(0, 2)).next is None
    assert page({"total": 0, "limit": 2}).next is None


@pytest.mark.parametrize("offset", ["0", "1", "", "x", "99999999999", "-1"])
def test_a_next_that_goes_nowhere_is_garbage(offset):
    body = {"things": [{"sku": "A"}], "total": 9, "next": f"/things?offset={offset}&limit=1"}
    with pytest.raises(Garbage, match="does not come after"):
        page(body, Cursor(1, 1))


@pytest.mark.parametrize("body", [None, [], "x", {"things": {}}, {"things": 3}])
def test_what_is_no_page_is_garbage(body):
    with pytest.raises(Garbage, match="no page of things"):
        page(body)


def test_a_total_that_is_no_number_is_not_believed():
    for total in (True, "9", -1, None, 2.5):
        assert page({"things": [{"sku": "A"}, {"sku": "B"}], "total": total}).total is None
