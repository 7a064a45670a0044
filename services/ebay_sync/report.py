"""The Feed API's Active Inventory Report: one file that tells which SKUs' offers have changed, however many there are.

An offer can change without its item, and getOffers must be asked SKU by SKU. The report tells the price, quantity and
listing of each active listing in a few calls: only SKUs of which it tells something else than is known are asked for.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from libs.db.pool import Connection
from libs.http.errors import ApiError, Unauthorized
from libs.marketplaces.ebay.report import ReportedListing, read_report
from libs.marketplaces.payload import Malformed
from services.ebay_sync.journal import hold
from services.ebay_sync.work import Work

BATCH = 2_000

_TABLE = """
CREATE TEMPORARY TABLE reported (sku text NOT NULL, item_id text, price numeric, quantity bigint) ON COMMIT DROP
"""

_MARK = """
WITH known AS (
    SELECT sku, told ->> 'listing_id' AS item_id,
        coalesce(told #>> '{price,amount}', told #>> '{raw,pricingSummary,auctionStartPrice,value}')::numeric AS price,
        (told ->> 'quantity_available')::bigint AS quantity
    FROM (SELECT sku, fact::jsonb AS told FROM ebay_sync.offers WHERE account = $1 AND NOT gone) AS offers
    WHERE told ->> 'listing_id' IS NOT NULL
        AND told ->> 'marketplace_status' IN ('PUBLISHED', 'PUBLISHED_IN_PROGRESS')
), differing AS (
    (SELECT sku, item_id, price, quantity FROM reported EXCEPT ALL SELECT sku, item_id, price, quantity FROM known)
    UNION ALL
    (SELECT sku, item_id, price, quantity FROM known EXCEPT ALL SELECT sku, item_id, price, quantity FROM reported)
), marked AS (
    UPDATE ebay_sync.items SET suspect = true
    WHERE account = $1 AND NOT gone AND sku IN (SELECT sku FROM differing) RETURNING 1
) SELECT count(*) FROM marked
"""


async def mark_suspects(work: Work) -> None:
    """Order a report, wait for it, and mark the SKUs of which it tells something new. Raises Stopped.

    A report that cannot be had is no reason to fail: what changed otherwise is asked for all the same.
    """
    journal = work.journal
    journal.check()
    journal.say("request", "→ Feed API: ordering an Active Inventory Report...")
    began = asyncio.get_running_loop().time()
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "report.zip"
            await _download(work, path)
            listings, suspects = await _compare(work, path)
    except Unauthorized:
        raise
    except (ApiError, Malformed) as error:
        journal.say("warning", f"⚠ Feed API: no report ({str(error)[:200]}); going on without it")
        return
    took = round((asyncio.get_running_loop().time() - began) * 1000)
    journal.say("info", f"← Feed API: {listings} active listings ({took}ms), {suspects} SKUs differ from what is known")


async def _download(work: Work, path: Path) -> None:
    feed = work.ebay.feed
    task_id, _, _ = await work.asked(lambda ebay: ebay.feed.create())
    every, within = work.pace.report_poll, work.pace.report_patience
    await work.journal.unless_stopped(feed.finished(task_id, every=every, within=within))
    await work.journal.unless_stopped(feed.download(task_id, path))


async def _compare(work: Work, path: Path) -> tuple[int, int]:
    """How many listings the report has, and how many SKUs are suspect now. Raises Malformed."""
    listings, batches = 0, _batches(read_report(path))
    async with work.database.transaction() as connection:
        await connection.execute(_TABLE)
        while batch := await asyncio.to_thread(next, batches, None):
            work.journal.check()
            listings += len(batch)
            await _copy(connection, batch)
        await hold(connection, work.run)  # only now: while it is held, neither STOP nor the run's lines are written
        suspects: int = await connection.fetchval(_MARK, work.run.account)
    return listings, suspects


def _batches(listings: Iterator[ReportedListing]) -> Iterator[list[ReportedListing]]:
    while batch := list(islice(listings, BATCH)):
        yield batch


async def _copy(connection: Connection, batch: list[ReportedListing]) -> None:
    rows = [(one.sku, one.item_id, one.price, one.quantity) for one in batch if one.sku]
    await connection.copy_records_to_table("reported", records=rows, columns=["sku", "item_id", "price", "quantity"])
