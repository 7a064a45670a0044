"""After how long a batch is asked for: late enough that its items have ended, learned from those before it.

A batch that is asked for too early costs a call more, one asked for too late only tells its news later. So the wait is
a high quantile of the batches' durations, tracked as they come: a little shorter after each batch that had ended, as
long as that one took after one that had not. Until one was late the steps down are larger: the first wait is a guess.
"""

from datetime import timedelta

from libs.db.pool import Connection

DOWN_UNTIL_LATE = 0.99
DOWN = 0.998
MARGIN = 1.05


async def wait_for(connection: Connection, account: str, kind: str, guess: timedelta) -> timedelta:
    """How long to wait for a batch that was sent just now."""
    seconds = await connection.fetchval(
        "SELECT seconds FROM stockx_poller.durations WHERE account = $1 AND kind = $2", account, kind
    )
    return guess if seconds is None else timedelta(seconds=seconds)


async def had_ended(connection: Connection, account: str, kind: str, guess: timedelta, least: timedelta) -> None:
    """A batch had ended when it was asked for the first time."""
    await connection.execute(
        """
        INSERT INTO stockx_poller.durations AS d (account, kind, seconds) VALUES ($1, $2, $3)
        ON CONFLICT (account, kind) DO UPDATE SET
            seconds = greatest($4, d.seconds * CASE WHEN d.late = 0 THEN $5::float8 ELSE $6::float8 END)
        """,
        account,
        kind,
        guess.total_seconds(),
        least.total_seconds(),
        DOWN_UNTIL_LATE,
        DOWN,
    )


async def was_late(connection: Connection, account: str, kind: str, guess: timedelta, age: timedelta) -> None:
    """A batch had not ended when it was asked for the first time; it has now, at this age."""
    await connection.execute(
        """
        INSERT INTO stockx_poller.durations AS d (account, kind, seconds, late)
        VALUES ($1, $2, greatest($3::float8, $4::float8 * $5), 1)
        ON CONFLICT (account, kind) DO UPDATE SET seconds = greatest(d.seconds, $4::float8 * $5), late = d.late + 1
        """,
        account,
        kind,
        guess.total_seconds(),
        age.total_seconds(),
        MARGIN,
    )
