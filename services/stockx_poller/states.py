"""Batches of updates whose end is told by their listings' states: one page tells of 100 items and their states.

| a listing's page shows                                              | its command                                 |
|---------------------------------------------------------------------|---------------------------------------------|
| what was wanted, changed after what was known before it was sent    | has succeeded                               |
| anything else                                                       | has not ended, or has failed: the items tell|

Where a batch's answer was lost, StockX's name of it is not known, and nobody can ask for its items. Then what the
states do not tell is asked for listing by listing; a deletion has succeeded if its listing is on no page any more.
"""

from collections import defaultdict
from collections.abc import Sequence

from libs.db.pool import Connection, Record
from libs.marketplaces.stockx.listing import Listing
from libs.marketplaces.stockx.values import whole
from services.stockx_poller import ledger, listings
from services.stockx_poller.batch_polling import ended_or_not, succeeded
from services.stockx_poller.command import Command
from services.stockx_poller.shown import shows
from services.stockx_poller.situation import Kind, ReadStates
from services.stockx_poller.work import Work


async def read_states(work: Work, call: ReadStates) -> None:
    """Read the states of the listings of batches; what they do not tell is asked for otherwise, at once."""
    async with work.lease.database.connection() as connection:
        rows = await connection.fetch("SELECT * FROM stockx_poller.batches WHERE batch_no = ANY ($1)", call.batch_nos)
        commands = await ledger.commands(
            connection, work.account, "batch_no = ANY ($2) AND status = 'pending'", list(call.batch_nos)
        )
    waited = {each.listing: each for each in commands}

    async def keep(connection: Connection, found: Sequence[Listing]) -> None:
        await listings.put(connection, work.account, found)
        known = {each.listing_id: each for each in found if each.listing_id in waited}
        proven = [(waited[name], whole(each)) for name, each in known.items() if shows(each, waited[name])]
        await succeeded(connection, work.account, proven, await ledger.now(connection))
        for command, _ in proven:
            del waited[command.listing]

    unlisted, _ = await listings.read_pages(work, waited, keep)
    left: defaultdict[str | None, list[Command]] = defaultdict(list)
    for each in waited.values():
        left[each.batch_no].append(each)
    async with work.lease.turn() as connection:
        for row in rows:
            await _judge(connection, work, row, left[row["batch_no"]], unlisted)


async def _judge(connection: Connection, work: Work, row: Record, left: Sequence[Command], unlisted: set[str]) -> None:
    now = await ledger.now(connection)
    if not left or row["batch_id"] is None:
        gone = [each for each in left if each.kind is Kind.DELETE and each.listing in unlisted]
        await succeeded(connection, work.account, [(each, {}) for each in gone], now)
        for each in left:
            if each not in gone:
                await _by_itself(connection, each)
        await ended_or_not(connection, work, row, (), now)
        return
    await connection.execute(
        "UPDATE stockx_poller.batches SET by_states = false, next_at = now() WHERE batch_no = $1", row["batch_no"]
    )


async def _by_itself(connection: Connection, command: Command) -> None:
    """From now on the command's listing is polled, which tells its last operation."""
    await connection.execute(
        "UPDATE stockx_poller.operations SET batch_no = NULL, next_at = now() WHERE id = $1", command.id
    )
