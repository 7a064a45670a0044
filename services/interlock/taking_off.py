"""The work of taking a listing off: under its fence, once, until it is off or a person must.

| what the marketplace says         | what becomes of the job                                                         |
|-----------------------------------|---------------------------------------------------------------------------------|
| it is off, or gone                | done                                                                            |
| too fast, away, broken            | again, soon, up to the attempts of `INTERLOCK_ATTEMPTS`                          |
| refused, forbidden, no account    | again too: a unit that can be bought twice is worth every try; the error is told |

A job whose fence is not the product's any more is void: the units have changed hands since.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from libs.channels.accounts import Channels, NoChannel
from libs.http.errors import ApiError, Later
from libs.jobs import SETTLED, Job, JobQueue, RetryJob, Settled
from libs.selling.channel import SkuNeeded
from services.interlock.goods import skus_of

SOONEST_SECONDS = 0.3
LATEST_SECONDS = 30.0


class TakingOff:
    """Takes listings off through the sales channels."""

    def __init__(self, queue: JobQueue, channels: Channels) -> None:
        self._queue = queue
        self._channels = channels

    async def __call__(self, job: Job) -> Settled | None:
        asked: Mapping[str, Any] = job.payload
        if not await self._is_current(asked["product"], asked["fence"]):
            return None
        try:
            channel = self._channels.of(asked["channel"], asked["market"])
            for sku in await self._skus(asked) or [None]:
                await channel.take_off(asked["item_id"], sku)
        except (ApiError, NoChannel, SkuNeeded) as error:
            await self._note(asked, str(error))
            raise RetryJob({"code": type(error).__name__, "msg": str(error)}, _pause(job, error)) from error
        async with self._queue.database.transaction() as connection:
            await connection.execute(
                """
                UPDATE interlock.take_offs SET done_at = now(), last_error = NULL
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

    async def _note(self, asked: Mapping[str, Any], error: str) -> None:
        async with self._queue.database.connection() as connection:
            await connection.execute(
                """
                UPDATE interlock.take_offs SET last_error = $4
                WHERE unified_product_id = $1 AND fence = $2 AND sell_listing_id = $3
                """,
                asked["product"],
                asked["fence"],
                asked["listing"],
                error[:1000],
            )


def _pause(job: Job, error: Exception) -> float:
    if isinstance(error, Later) and error.retry_after is not None:
        return min(error.retry_after.total_seconds(), LATEST_SECONDS)
    return float(min(SOONEST_SECONDS * 2**job.attempts, LATEST_SECONDS))
