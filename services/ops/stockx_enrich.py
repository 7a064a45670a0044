"""`sellstream stockx enrich`: every product without a StockX id is looked for at StockX, by the API of product_search.

What is done stands in the read model `products`: so it can be stopped at any time, and goes on when it is run again.
"""

import asyncio
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, NoReturn

import aiohttp
import typer

from libs.stack import StackError
from services.ops.processes import PRODUCT_SEARCH
from services.ops.sandbox_wiring import SANDBOX_USER
from services.ops.service_api import ServiceApi
from services.ops.stockx_enrich_api import EnrichmentApi, Failed, QuotaShort
from services.ops.stockx_enrich_text import Report, reporting

_SERVICE = ServiceApi(PRODUCT_SEARCH)
AT_ONCE = 2
"""So that the next request waits for its turn while an answer is on its way; StockX allows one request a second."""
FAILURES = 10
"""So many products failing in a row mean that StockX is away, not that something is wrong with them."""


def enrich(
    again: Annotated[bool, typer.Option("--again", help="Also those that StockX did not have.")] = False,
    user: Annotated[str, typer.Option("--user", help="Who asks; the sandbox's sellers are 1, 2, …")] = SANDBOX_USER,
) -> None:
    """Give every product its StockX id. Ctrl-C stops it; run again, it goes on where it was."""
    try:
        asyncio.run(_enrich(user, again))
    except KeyboardInterrupt:
        _stop("Stopped. Run it again to go on where it was.", 130)
    except (StackError, Failed, QuotaShort) as error:
        _stop(str(error), 1)
    except (aiohttp.ClientError, TimeoutError) as error:
        _stop(
            f"product_search does not answer ({type(error).__name__}: {error}). `sellstream status` tells what runs.", 1
        )


async def _enrich(user: str, again: bool) -> None:
    headers = await _SERVICE.headers(user, timedelta(hours=24))
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=120)) as http:
        api = EnrichmentApi(http, _SERVICE.url(""))
        page = await api.gather(again=again)
        with reporting(page.total, sys.stdout) as report:
            run = _Run(api, report)
            while True:
                await run.through(page.skus)
                if page.after is None:
                    break
                page = await api.page(again=again, after=page.after)
            report.complete()


class _Run:
    def __init__(self, api: EnrichmentApi, report: Report) -> None:
        self._api = api
        self._report = report
        self._failed_in_a_row = 0

    async def through(self, skus: list[str]) -> None:
        """Some products, a few at a time. Raises Failed, QuotaShort and aiohttp's errors."""
        left = iter(skus)
        workers = [asyncio.create_task(self._work(left)) for _ in range(AT_ONCE)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, left: Iterator[str]) -> None:
        for sku in left:
            try:
                self._report.outcome(sku, await self._api.enrich(sku))
            except Failed as error:
                self._report.error(sku, str(error))
                self._failed_in_a_row += 1
                if self._failed_in_a_row >= FAILURES:
                    told = f"{FAILURES} products in a row failed: stopped. Run it again to go on where it was."
                    raise Failed(told) from None
            else:
                self._failed_in_a_row = 0


def _stop(text: str, status: int) -> NoReturn:
    print(text, file=sys.stderr)
    raise typer.Exit(status)
