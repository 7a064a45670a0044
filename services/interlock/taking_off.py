"""The work of taking a listing off: under its fence, once, until it is off or a person must.

| what the marketplace says         | what becomes of the job                                                         |
|-----------------------------------|---------------------------------------------------------------------------------|
| it is off, or gone                | done                                                                            |
| too fast, away, broken            | again, as long as that lasts: it is no attempt; ever more seldom, up to 30 s     |
| refused, forbidden, no account    | again, up to the attempts of `INTERLOCK_ATTEMPTS`; the error is told             |
| (PostgreSQL is away)              | again, in 2 s: it is no attempt                                                  |

A job whose fence is not the product's any more is void: the units have changed hands since.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from libs.channels.accounts import Channels, NoChannel
from libs.db.errors import DatabaseAway, NotMigrated
from libs.http.errors import ApiError, Garbage, Later
from libs.jobs import SETTLED, Job, JobQueue, RetryJob, Settled
from libs.selling.channel import SkuNeeded
from services.interlock.goods import skus_of

SOONEST_SECONDS = 0.3
LATEST_SECONDS = 30.0
AGAIN_SECONDS = 2.0

OUTAGES = (Later, Garbage)
"""The marketplace said nothing of the listing."""


class TakingOff:
    """Takes listings off through the sales channels."""

    def __init__(self, queue: JobQueue, channels: Channels) -> None:
        self._queue = queue
        self._channels = channels

    async def __call__(self, job: Job) -> Settled | None:
        try:
            return await self._take_off(job, job.payload)
        except (DatabaseAway, NotMigrated) as error:
            raise RetryJob(_told(error), AGAIN_SECONDS, counts=False) from error

    async def _take_off(self, job: Job, asked: Mapping[str, Any]) -> Settled | None:
        if not await self._is_current(asked["product"], asked["fence"]):
            return None
        try:
            channel = self._channels.of(asked["channel"], asked["market"])
            for sku in await self._skus(asked) or [None]:
                await channel.take_off(asked["item_id"], sku)
        except OUTAGES as error:
            away = await self._note(asked, str(error), away=True)
            raise RetryJob(_told(error), _pause(away, error), counts=False) from error
        except (ApiError, NoChannel, SkuNeeded) as error:
            await self._note(asked, str(error), away=False)
            pause = float(min(SOONEST_SECONDS * 2**job.attempts, LATEST_SECONDS))
            raise RetryJob(_told(error), pause) from error
        async with self._queue.database.transaction() as connection:
            await connection.execute(
                """
                UPDATE interlock.take_offs SET done_at = now(), last_error = NULL, away_since = NULL
                WHERE unified_product_id = $1 AND fence = $2 AND sell_listing_id = $3
                """,
                asked["product"],
                asked["fence"],
                asked["listing"],
            )
            await self._queue.finish_in(connection, job)
        return SETTLED

    async def _is_current(self, product: int, fence: int) -> bool:
        async with self._queue.database.connection() as connection:
            now = await connection.fetchval(
                "SELECT fence FROM interlock.products WHERE unified_product_id = $1", product
            )
        return bool(now == fence)

    async def _skus(self, asked: Mapping[str, Any]) -> Sequence[str | None]:
        """Ours that the listing may stand under, as of this attempt: drafts come and go."""
        async with self._queue.database.connection() as connection:
            product, listing, item = asked["product"], asked["listing"], asked["item_id"]
            return await skus_of(connection, product, listing, asked["channel"], asked["market"], item)

    async def _note(self, asked: Mapping[str, Any], error: str, *, away: bool) -> float:
        """Tell an operator; for how many seconds the marketplace has been away."""
        async with self._queue.database.connection() as connection:
            seconds = await connection.fetchval(
                """
                UPDATE interlock.take_offs
                SET last_error = $4, away_since = CASE WHEN $5 THEN coalesce(away_since, now()) END
                WHERE unified_product_id = $1 AND fence = $2 AND sell_listing_id = $3
                RETURNING extract(epoch FROM now() - away_since)::float8
                """,
                asked["product"],
                asked["fence"],
                asked["listing"],
                error[:1000],
                away,
            )
        return float(seconds or 0)


def _told(error: Exception) -> dict[str, object]:
    return {"code": type(error).__name__, "msg": str(error)}


def _pause(away: float, error: Later | Garbage) -> float:
    """As long again as it has been away (seconds): so the pauses double."""
    if isinstance(error, Later) and error.retry_after is not None:
        return min(error.retry_after.total_seconds(), LATEST_SECONDS)
    return min(max(SOONEST_SECONDS, away), LATEST_SECONDS)
