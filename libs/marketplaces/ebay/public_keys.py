"""eBay's public keys, remembered: a signature names its key, and whoever sends one chooses the name.

| situation                                   | answer                        | asks eBay                              |
|---------------------------------------------|-------------------------------|----------------------------------------|
| known, fetched within the last hour         | the key                       | no                                     |
| known, older                                | the key, fetched anew         | once, however many wait                |
| never seen                                  | the key, if eBay has it       | at most 10 times a minute for all ids  |
| eBay said 404 within the last minute        | UnknownKey                    | no                                     |
| the fetch failed within the last 5 seconds  | KeyAway                       | no                                     |
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from libs.marketplaces.ebay.signature import PublicKey

FRESH = 3600.0
"""Seconds that a key is used without asking again; eBay's own advice."""

MOST = 100
"""Keys that are remembered; eBay uses a handful."""

UNKNOWN = 60.0
AWAY = 5.0
MOST_REFUSED = 1000

STRANGERS = 10
STRANGERS_SECONDS = 60.0
"""Ids that were never seen before may cost this many requests in this time, so that invented ids make no flood."""


class UnknownKey(Exception):
    """eBay has no key with this id."""


class KeyAway(Exception):
    """The key cannot be fetched now. `retry_after` tells when to ask again."""

    def __init__(self, detail: str, retry_after: timedelta = timedelta(seconds=AWAY)) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


FetchKey = Callable[[str], Awaitable[PublicKey | None]]
"""The key with an id, None where eBay answers 404; raises KeyAway."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    unknown: bool
    detail: str
    until: float

    def error(self, now: float) -> UnknownKey | KeyAway:
        """A new exception each time: one that is raised again and again would collect the frames of all of them."""
        if self.unknown:
            return UnknownKey(self.detail)
        return KeyAway(self.detail, timedelta(seconds=max(1.0, self.until - now)))


class PublicKeys:
    """A cache over `fetch_key`. `clock` gives seconds that never go back."""

    def __init__(self, fetch_key: FetchKey, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch_key = fetch_key
        self._clock = clock
        self._known: OrderedDict[str, tuple[PublicKey, float]] = OrderedDict()
        self._refused: OrderedDict[str, _Refusal] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[PublicKey | _Refusal]] = {}
        self._strangers: deque[float] = deque()

    def known(self, key_id: str) -> PublicKey | None:
        """The key with an id, if it is fresh and eBay need not be asked."""
        known = self._known.get(key_id)
        if known is None or self._clock() >= known[1]:
            return None
        self._known.move_to_end(key_id)
        return known[0]

    async def get(self, key_id: str) -> PublicKey:
        """The key with an id; raise UnknownKey or KeyAway."""
        known = self.known(key_id)
        if known is not None:
            return known
        refusal = self._refused.get(key_id)
        if refusal is None or self._clock() >= refusal.until:
            # Shielded: one waiter that gives up does not end what the others wait for.
            result = await asyncio.shield(self._fetch_once(key_id))
            if isinstance(result, PublicKey):
                return result
            refusal = result
        raise refusal.error(self._clock())

    def _fetch_once(self, key_id: str) -> "asyncio.Task[PublicKey | _Refusal]":
        task = self._fetching.get(key_id)
        if task is None:
            if key_id not in self._known:
                self._admit_stranger()
            task = asyncio.create_task(self._fetch(key_id), name=f"ebay public key {key_id}")
            self._fetching[key_id] = task
            task.add_done_callback(lambda _: self._fetching.pop(key_id, None))
        return task

    def _admit_stranger(self) -> None:
        now = self._clock()
        while self._strangers and self._strangers[0] <= now - STRANGERS_SECONDS:
            self._strangers.popleft()
        if len(self._strangers) >= STRANGERS:
            wait = self._strangers[0] + STRANGERS_SECONDS - now
            raise KeyAway("Too many key ids that were never seen before.", timedelta(seconds=wait))
        self._strangers.append(now)

    async def _fetch(self, key_id: str) -> PublicKey | _Refusal:
        try:
            key = await self._fetch_key(key_id)
        except KeyAway as error:
            until = self._clock() + max(AWAY, error.retry_after.total_seconds())
            return self._refuse(key_id, _Refusal(unknown=False, detail=str(error), until=until))
        if key is None:
            self._known.pop(key_id, None)
            return self._refuse(key_id, _Refusal(True, "eBay has no such key.", self._clock() + UNKNOWN))
        self._refused.pop(key_id, None)
        self._known[key_id] = (key, self._clock() + FRESH)
        self._known.move_to_end(key_id)
        if len(self._known) > MOST:
            self._known.popitem(last=False)
        return key

    def _refuse(self, key_id: str, refusal: _Refusal) -> _Refusal:
        self._refused[key_id] = refusal
        self._refused.move_to_end(key_id)
        if len(self._refused) > MOST_REFUSED:
            self._refused.popitem(last=False)
        return refusal
