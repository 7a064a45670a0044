"""Sealing at publication: what `libs.bus.publisher` calls with every fact."""

import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from libs.bus.publisher import NotPublished
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.privacy.fields import seal_fields
from libs.privacy.keys import Keys
from libs.privacy.token import PersonKey
from libs.secrets.keys import SecretsError
from libs.secrets.vault import Vault
from schemas.event import Fact

REMEMBERED_SECONDS = 30.0
"""How long a process goes on with a key that was destroyed meanwhile. Nobody can read what it seals with it."""

_MOST = 10_000


@asynccontextmanager
async def open_sealer(database_url: str, vault: Vault, service: str) -> AsyncIterator["Sealer"]:
    """What a service gives its publisher: `Publisher(…, seal=sealer)`.

    It has connections of its own, because facts are also published within transactions that hold another pool's.
    """
    async with Database(database_url, application=f"{service} keys", most=4) as database:
        yield Sealer(Keys(database, vault))


class Sealer:
    """Seals personal data with its person's key. A key is asked for once and remembered for a while."""

    def __init__(self, keys: Keys, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._clock = clock
        self._known: OrderedDict[tuple[str, frozenset[tuple[str, str]]], tuple[float, PersonKey]] = OrderedDict()

    async def __call__(self, fact: Fact) -> Fact:
        """The fact as it may be published; one about nobody as it is. Raises NotPublished while its key cannot be had:

        PostgreSQL is away, or the key that seals the stored keys is missing.
        """
        person = fact.person()
        if person is None:
            return fact
        return seal_fields(fact, await self._key(person, frozenset(fact.ties())))

    async def _key(self, person: str, ties: frozenset[tuple[str, str]]) -> PersonKey:
        known = self._known.get((person, ties))
        now = self._clock()
        if known is not None and now - known[0] < REMEMBERED_SECONDS:
            return known[1]
        try:
            key = await self._keys.key(person, ties)
        except (DatabaseAway, NotMigrated, SecretsError) as error:
            raise NotPublished(f"the key that seals a person's data cannot be had: {error}") from error
        self._known[person, ties] = (now, key)
        self._known.move_to_end((person, ties))
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return key
