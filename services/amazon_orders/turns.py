"""Whose turn it is to poll an account's orders, and how far they were polled: the table amazon_orders.polls."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.db.pool import Database

LEASE = timedelta(minutes=5)
"""Longer than what is done between two renewals: a holder that is silent for so long is dead."""


class LostTurn(Exception):
    """Another process polls the account by now."""


@dataclass(frozen=True, slots=True)
class Turn:
    """This process polls. `updated_until`: how far it was polled, None if never."""

    account: str
    market: str
    updated_until: datetime | None


class Turns:
    """The turns of this process, the `owner`. Everything may raise DatabaseAway, NotMigrated."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    async def take(self, account: str, market: str) -> Turn | None:
        """The turn, if it is time for one and nobody has it."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT INTO amazon_orders.polls (account, market) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                account,
                market,
            )
            row = await connection.fetchrow(
                "UPDATE amazon_orders.polls SET owner = $3, next_at = now() + $4 "
                "WHERE (account, market) = ($1, $2) AND next_at <= now() RETURNING updated_until",
                account,
                market,
                self._owner,
                LEASE,
            )
        return None if row is None else Turn(account, market, row["updated_until"])

    async def renew(self, turn: Turn) -> None:
        """Go on; raises LostTurn."""
        await self._write(turn, "next_at = now() + $4", LEASE)

    async def finish(self, turn: Turn, updated_until: datetime | None, again_after: timedelta) -> None:
        """The poll went to its end; raises LostTurn."""
        await self._write(
            turn,
            "next_at = now() + $4, owner = NULL, ended_at = now(), updated_until = greatest(updated_until, $5)",
            again_after,
            updated_until,
        )

    async def give_back(self, turn: Turn, again_after: timedelta) -> None:
        """The poll did not go to its end: it begins again where it began; raises LostTurn."""
        await self._write(turn, "next_at = now() + $4, owner = NULL", again_after)

    async def _write(self, turn: Turn, change: str, *values: object) -> None:
        async with self._database.connection() as connection:
            written = await connection.fetchval(
                f"UPDATE amazon_orders.polls SET {change} "  # noqa: S608  (our own columns)
                "WHERE (account, market) = ($1, $2) AND owner = $3 RETURNING true",
                turn.account,
                turn.market,
                self._owner,
                *values,
            )
        if not written:
            raise LostTurn(f"the orders of {turn.account} in {turn.market} are polled by another process")
