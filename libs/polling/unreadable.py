"""Which states of orders a poll has put into the dead letters: what stays unreadable is found by each poll, kept once.

The table has the columns `account`, `hash` (of all that was told of the state) and `seen_at`, the first two its key.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from libs.db.pool import Database

_REMEMBERED = timedelta(days=90)

NOWHERE = -1
"""The partition of a dead letter whose record came from no topic."""


@dataclass(frozen=True, slots=True)
class State:
    """One account's order as it was told, by its hash."""

    account: str
    digest: bytes

    @classmethod
    def of(cls, account: str, told: bytes) -> Self:
        return cls(account, hashlib.sha256(told).digest())

    @property
    def number(self) -> int:
        """In the place of an offset: tells states apart, and knows one that was stored twice as such."""
        return int.from_bytes(self.digest[:7])


class UnreadableStates:
    """The states in a table. Everything may raise DatabaseAway, NotMigrated."""

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self._table = table

    async def knows(self, state: State) -> bool:
        """Whether it is in the dead letters."""
        async with self._database.connection() as connection:
            known: bool = await connection.fetchval(
                f"SELECT EXISTS (SELECT FROM {self._table} WHERE (account, hash) = ($1, $2))",  # noqa: S608  (our own name)
                state.account,
                state.digest,
            )
        return known

    async def remember(self, state: State) -> None:
        """It is in the dead letters now; forgets those of long ago."""
        async with self._database.connection() as connection:
            await connection.execute(
                f"INSERT INTO {self._table} (account, hash) VALUES ($1, $2) ON CONFLICT DO NOTHING",  # noqa: S608
                state.account,
                state.digest,
            )
            await connection.execute(
                f"DELETE FROM {self._table} WHERE seen_at < now() - $1::interval",  # noqa: S608
                _REMEMBERED,
            )
