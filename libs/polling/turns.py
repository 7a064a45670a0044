"""Whose turn it is to poll something, and how far it was polled: each poll has a table of its own for that.

| column     | type                         |                                                            |
|------------|------------------------------|------------------------------------------------------------|
| the key's  | text, the primary key        | what is polled                                             |
| the cursor | timestamptz                  | how far, by the clock of who is asked; NULL: never         |
| `next_at`  | timestamptz, default `now()` | when it is somebody's turn; of a turn: when its lease ends |
| `owner`    | text                         | whose turn it is; NULL: nobody's                           |
| `ended_at` | timestamptz                  | when a poll went to its end                                |
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.db.pool import Database

LEASE = timedelta(minutes=5)
"""Longer than what is done between two renewals: a holder that is silent for so long is dead."""

Key = tuple[str, ...]


class LostTurn(Exception):
    """Another process has the turn by now."""


@dataclass(frozen=True, slots=True)
class TurnTable:
    """A table of turns: its name, and those of its key's columns and of its cursor."""

    name: str
    key: Key
    cursor: str


@dataclass(frozen=True, slots=True)
class Turn:
    """This process polls what `key` names. `until`: how far it was polled, None if never."""

    key: Key
    until: datetime | None


class Turns:
    """The turns of this process, the `owner`. Everything may raise DatabaseAway, NotMigrated."""

    def __init__(self, database: Database, table: TurnTable, owner: str) -> None:
        self._database = database
        self._table = table
        self._owner = owner

    async def take(self, key: Key) -> Turn | None:
        """The turn, if it is time for one and nobody has it."""
        table, columns = self._table, ", ".join(self._table.key)
        async with self._database.transaction() as connection:
            await connection.execute(
                f"INSERT INTO {table.name} ({columns}) VALUES ({_places(1, key)}) ON CONFLICT DO NOTHING",  # noqa: S608  (our own names)
                *key,
            )
            row = await connection.fetchrow(
                f"UPDATE {table.name} SET owner = $1, next_at = now() + $2 "  # noqa: S608  (our own names)
                f"WHERE ({columns}) = ({_places(3, key)}) AND next_at <= now() RETURNING {table.cursor}",
                self._owner,
                LEASE,
                *key,
            )
        return None if row is None else Turn(key, row[table.cursor])

    async def renew(self, turn: Turn) -> None:
        """Go on; raises LostTurn."""
        await self._write(turn, "next_at = now() + $2", LEASE)

    async def finish(self, turn: Turn, until: datetime | None, again_after: timedelta) -> None:
        """The poll went to its end; raises LostTurn."""
        cursor = self._table.cursor
        await self._write(
            turn,
            f"next_at = now() + $2, owner = NULL, ended_at = now(), {cursor} = greatest({cursor}, $3)",
            again_after,
            until,
        )

    async def give_back(self, turn: Turn, again_after: timedelta) -> None:
        """The poll did not go to its end: it begins again where it began; raises LostTurn."""
        await self._write(turn, "next_at = now() + $2, owner = NULL", again_after)

    async def _write(self, turn: Turn, change: str, *values: object) -> None:
        table = self._table
        async with self._database.connection() as connection:
            written = await connection.fetchval(
                f"UPDATE {table.name} SET {change} WHERE owner = $1 "  # noqa: S608  (our own names)
                f"AND ({', '.join(table.key)}) = ({_places(2 + len(values), turn.key)}) RETURNING true",
                self._owner,
                *values,
                *turn.key,
            )
        if not written:
            raise LostTurn(f"{', '.join(turn.key)} is polled by another process ({table.name})")


def _places(first: int, key: Key) -> str:
    """The parameters that carry a key: `$3, $4`."""
    return ", ".join(f"${number}" for number in range(first, first + len(key)))
