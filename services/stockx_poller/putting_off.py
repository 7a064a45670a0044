"""What one resource's failure (5xx, a timeout) costs: that resource is asked for later, and nothing else waits for it.

Where all of StockX is away the circuit opens, and nothing is put off any more: nobody was asked.
"""

from collections.abc import Collection
from datetime import timedelta

from services.stockx_poller import batch_polling, polling
from services.stockx_poller.situation import (
    Call,
    LookAtOperations,
    PollBatch,
    PollListing,
    ReadStates,
    Refresh,
    Round,
)
from services.stockx_poller.work import Work

_COLUMNS = {Round.SWEEP: "sweep_at", Round.ORDERS: "orders_at", Round.HISTORY: "history_at"}


async def put_off(work: Work, call: Call) -> None:
    """Ask again for what this call was about after a pause. Raises LostLease, DatabaseAway.

    Writes, and writes in doubt, have put themselves off (sending.py, doubts.py).
    """
    match call:
        case PollListing(listing_id):
            await polling.put_off(work, listing_id)
        case PollBatch(batch_no):
            await batch_polling.put_off(work, [batch_no])
        case ReadStates(batch_nos):
            await batch_polling.put_off(work, batch_nos)
        case Refresh(listing_ids):
            await _listings(work, listing_ids)
        case LookAtOperations(listing_id):
            await _listings(work, [listing_id])
        case Round():
            await _round(work, call)
        case _:
            pass


async def _listings(work: Work, listing_ids: Collection[str]) -> None:
    async with work.lease.turn() as connection:
        await connection.execute(
            "UPDATE stockx_poller.listings SET ask_at = now() + $3 "
            "WHERE account = $1 AND listing_id = ANY ($2) AND (stale OR look)",
            work.account,
            list(listing_ids),
            work.timing.settle,
        )


async def _round(work: Work, call: Round) -> None:
    every = {
        Round.SWEEP: work.timing.sweep,
        Round.ORDERS: work.timing.orders,
        Round.HISTORY: work.timing.history,
    }[call]
    pause: timedelta = min(every, work.timing.settle)
    async with work.lease.turn() as connection:
        await connection.execute(
            f"UPDATE stockx_poller.accounts SET {_COLUMNS[call]} = now() + $2 WHERE account = $1",  # noqa: S608  (our own names)
            work.account,
            pause,
        )
