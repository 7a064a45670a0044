"""Notion's API: the pages of a database, by cursor; and one page.

    async with ApiClient("notion", api_settings(), limiter()) as api:
        async for page in Notion(api, token).pages(database_id):
            text_of(page.properties["SKU"])

Source: developers.notion.com, version 2022-06-28: POST /v1/databases/{database_id}/query (pages of at most 100,
`next_cursor`, `has_more`); GET /v1/pages/{page_id}; three requests a second on average.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pydantic import Field, HttpUrl, SecretStr

from libs.http.answer import Answer
from libs.http.client import ApiClient, ApiSettings
from libs.http.errors import Garbage
from libs.http.limits import LocalRateLimiter
from libs.marketplaces.payload import Id, Malformed, Moment, Payload

BASE_URL = "https://api.notion.com/v1"
VERSION = "2022-06-28"
LARGEST_PAGE = 100
MOST_PAGES = 10_000
REQUESTS_A_SECOND = 3.0

_QUERY = "/databases/{database_id}/query"
_PAGE = "/pages/{page_id}"
_OLDEST_FIRST = [{"timestamp": "created_time", "direction": "ascending"}]
"""What is written down while the pages are read comes at their end: no page is passed over."""


def api_settings(base_url: str = BASE_URL) -> ApiSettings:
    """How Notion is reached: it asks for pauses of some seconds where it is asked too fast."""
    return ApiSettings(base_url=HttpUrl(base_url), longest_pause_seconds=30.0, timeout_seconds=30.0)


def limiter() -> LocalRateLimiter:
    """Notion's average, for this process."""
    return LocalRateLimiter(per_second=REQUESTS_A_SECOND, burst=3, max_wait=30.0)


class NotionPage(Payload):
    """A page of a database: a row. `properties` are typed values by the names of the columns."""

    id: Id
    created_time: Moment
    last_edited_time: Moment
    archived: bool = False
    in_trash: bool = False
    parent: dict[str, Any] = Field(default_factory=dict)
    properties: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PageList:
    """One answer; `cursor` leads to the next one."""

    pages: tuple[NotionPage, ...]
    cursor: str | None


class Notion:
    """One workspace, with an integration's token."""

    def __init__(self, api: ApiClient, token: SecretStr) -> None:
        self._api = api
        self._token = token

    async def query(self, database_id: str, cursor: str | None = None, page_size: int = LARGEST_PAGE) -> PageList:
        """One page of a database's pages, the oldest first. Raises ApiError (NotFound: it is not shared with us)."""
        body: dict[str, Any] = {"page_size": page_size, "sorts": _OLDEST_FIRST}
        answer = await self._api.call(
            "POST",
            _QUERY.format(database_id=quote(database_id, safe="")),
            operation=_QUERY,
            headers=self._headers(),
            body=body | ({"start_cursor": cursor} if cursor else {}),
            repeatable=True,  # a query changes nothing
        )
        return _listed(answer)

    async def page(self, page_id: str) -> NotionPage:
        """One page as it is now, also in the trash. Raises ApiError (NotFound: it is gone, or not shared with us)."""
        answer = await self._api.call(
            "GET", _PAGE.format(page_id=quote(page_id, safe="")), operation=_PAGE, headers=self._headers()
        )
        try:
            return NotionPage.read(answer.body)
        except Malformed as error:
            raise _garbage(f"GET {_PAGE}", str(error), answer) from None

    async def pages(self, database_id: str) -> AsyncIterator[NotionPage]:
        """All pages of a database, one request for each hundred."""
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            listed = await self.query(database_id, cursor)
            for page in listed.pages:
                yield page
            cursor = listed.cursor
            if cursor is None:
                return
        raise Garbage(f"POST {_QUERY}", f"the pages do not come to an end: {MOST_PAGES} were read")

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token.get_secret_value()}", "Notion-Version": VERSION}


def _listed(answer: Answer) -> PageList:
    try:
        return _page_list(answer.body)
    except Malformed as error:
        raise _garbage(f"POST {_QUERY}", str(error), answer) from None


def _garbage(operation: str, why: str, answer: Answer) -> Garbage:
    garbage = Garbage(operation, why, status=answer.status)
    garbage.headers, garbage.raw = answer.headers, answer.raw
    return garbage


def _page_list(body: Any) -> PageList:
    if not isinstance(body, dict) or not isinstance(body.get("results"), list):
        raise Malformed("the answer is no list of pages")
    cursor = body.get("next_cursor") if body.get("has_more") is True else None
    if cursor is not None and not isinstance(cursor, str):
        raise Malformed("the cursor is no text")
    return PageList(tuple(NotionPage.read(each) for each in body["results"]), cursor)
