"""GET /missed_feeds: the notifications that an application did not answer with 200 in time, for two days.

Each is turned back into the delivery that it was: the body as it was sent (`request.data`), so that it is named and let
in by the code of the webhook path, under the same identity. Nothing acknowledges them: whoever reads remembers.
Source: the page on notifications (2026-06-01), and a copy of 2026-10 in which `items` is asked for per site.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from libs.http.errors import Garbage
from libs.marketplaces.contract import Delivery
from libs.marketplaces.mercadolibre.client import MercadoLibre
from libs.marketplaces.payload import EmptyIfNone, Malformed, Moment, Payload, as_json

KEPT_DAYS = 2
"""How long MercadoLibre keeps them."""

PAGE = 50
"""How many are asked for at a time; the largest number that is allowed is not documented, 10 is the default."""

MOST = 20_000
"""Entries that are read of one feed at one time: an end for a feed that has none."""

_OF_THE_FEED = frozenset({"request", "response"})


def _time_or_none(value: object) -> object:
    """A time that cannot be read is no reason to lose a notification."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo and moment.year >= 1970 else None


class MissedRequest(Payload):
    """`request`: what was sent to the webhook's URL."""

    data: str | None = None


class Missed(Payload):
    """`messages[]`: a notification as it was sent, and what became of it. As odd as notifications are."""

    topic: str | None = None
    received: Annotated[Moment | None, BeforeValidator(_time_or_none)] = None
    request: MissedRequest | None = None

    def delivery(self, now: datetime) -> Delivery:
        """What the webhook would have received. Without the sent body, the feed's own fields stand for it."""
        body = self.request.data if self.request else None
        if body is None or not _is_object(body):
            fields = as_json(self)
            body = json.dumps({name: value for name, value in fields.items() if name not in _OF_THE_FEED})
        return Delivery(
            body=body.encode(),
            headers={},
            query={},
            account=None,
            secret=None,
            received=(self.received or now).timestamp(),
        )


class _Page(Payload):
    messages: Annotated[list[Any], EmptyIfNone] = Field(default_factory=list)


class _Me(Payload):
    site_id: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A missed notification, or why an entry of the feed is none."""

    missed: Missed | None
    problem: str | None = None


class MissedFeeds:
    """The missed notifications of one application; `accounts` are the users that authorised it, at least one."""

    def __init__(self, application_id: int, accounts: Sequence[MercadoLibre]) -> None:
        self.application_id = application_id
        self._accounts = accounts
        self._sites: set[str] | None = None

    async def all(self) -> AsyncIterator[Found]:
        """Everything that is kept, once through all topics and once for `items` per site. Raises an ApiError."""
        async for found in self._feed({}):
            yield found
        for site in sorted(await self._known_sites()):
            async for found in self._feed({"topic": "items", "site_id": site}):
                yield found

    async def _feed(self, filters: Mapping[str, str]) -> AsyncIterator[Found]:
        offset = 0
        while offset < MOST:
            query = {"app_id": str(self.application_id), **filters, "offset": str(offset), "limit": str(PAGE)}
            answer = await self._accounts[0].ask("/missed_feeds", query=query)
            try:
                messages = _Page.read(answer.body).messages
            except Malformed as error:
                raise Garbage("GET /missed_feeds", str(error), status=answer.status) from None
            for message in messages:
                try:
                    yield Found(Missed.read(message))
                except Malformed as error:
                    yield Found(None, str(error))
            if not messages:
                return
            offset += len(messages)

    async def _known_sites(self) -> set[str]:
        """The countries in which the accounts sell."""
        if self._sites is None:
            sites = set()
            for account in self._accounts:
                answer = await account.ask("/users/me")
                try:
                    site = _Me.read(answer.body).site_id
                except Malformed as error:
                    raise Garbage("GET /users/me", str(error), status=answer.status) from None
                if site:
                    sites.add(site)
            self._sites = sites
        return self._sites


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
