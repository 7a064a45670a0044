"""Whose turn it is to poll an account's orders, and how far they were polled: the table ebay_sync.order_polls."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.db.pool import Database

LEASE = timedelta(minutes=5)
"""Longer than a call with its retries: a holder that is silent for so long is dead."""


class LostTurn(Exception):
    """Another process polls the account by now."""


@dataclass(frozen=True, slots=True)
class Turn:
    """This process polls the account's orders. `modified_until`: how far they were polled, None if never."""

    account: str
    modified_until: datetime | None


class OrderTurns:
    """The turns of this process, the `owner`. Everything may raise DatabaseAway."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    async def take(self, account: str) -> Turn | None:
        """The turn, if it is time for one and nobody has it."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT INTO ebay_sync.order_polls (account) VALUES ($1) ON CONFLICT DO NOTHING", account
            )
            row = await connection.fetchrow(
                "UPDATE ebay_sync.order_polls SET owner = $2, next_at = now() + $3 "
                "WHERE account = $1 AND next_at <= now() RETURNING modified_until",
                account,
                self._owner,
                LEASE,
            )
        return None if row is None else Turn(account, row["modified_until"])

    async def renew(self, turn: Turn) -> None:
        """Go on; raises LostTurn."""
        await self._write(turn, "next_at = now() + $3", LEASE)

    async def finish(self, turn: Turn, modified_until: datetime | None, again_after: timedelta) -> None:
        """The poll went to its end; raises LostTurn."""
        await self._write(
            turn,
            "next_at = now() + $3, owner = NULL, ended_at = now(), modified_until = greatest(modified_until, $4)",
            again_after,
            modified_until,
        )

    async def give_back(self, turn: Turn, again_after: timedelta) -> None:
        """The poll did not go to its end: it begins again where it began; raises LostTurn."""
        await self._write(turn, "next_at = now() + $3, owner = NULL", again_after)

    async def _write(self, turn: Turn, change: str, *values: object) -> None:
        async with self._database.connection() as connection:
            written = await connection.fetchval(
                f"UPDATE ebay_sync.order_polls SET {change} WHERE account = $1 AND owner = $2 RETURNING true",  # noqa: S608  (our own columns)
                turn.account,
                self._owner,
                *values,
            )
        if not written:
            raise LostTurn(f"the orders of {turn.account} are polled by another process")
