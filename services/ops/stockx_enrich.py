"""`sellstream stockx enrich`: every product without a StockX id is looked for at StockX, by the API of product_search.

What is done stands in the read model `products`: so it can be stopped at any time, and goes on when it is run again.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, NoReturn

import aiohttp
import typer

from libs.http.jwt import MIN_KEY_BYTES, issue
from libs.stack import StackError
from services.ops.processes import PRODUCT_SEARCH, SANDBOX
from services.ops.sandbox_wiring import SANDBOX_USER, read_accounts, services_environment, wants_sandbox
from services.ops.stockx_enrich_api import EnrichmentApi, Failed, QuotaShort
from services.ops.stockx_enrich_text import Report, reporting

_KEY = "PRODUCT_SEARCH_JWT_KEY"
_URL = "PRODUCT_SEARCH_URL"
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
    key = os.environ.get(_KEY) or await _sandbox_key()
    if len(key.encode()) < MIN_KEY_BYTES:
        raise StackError(f"{_KEY} is too short: it needs {MIN_KEY_BYTES} bytes, and must be the service's own.")
    headers = {"Authorization": f"Bearer {issue(key, user, timedelta(hours=24))}"}
    base = os.environ.get(_URL) or f"http://127.0.0.1:{PRODUCT_SEARCH.port_in(os.environ)}"
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=120)) as http:
        api = EnrichmentApi(http, base)
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


async def _sandbox_key() -> str:
    if not wants_sandbox(os.environ):
        raise StackError(f"Set {_KEY} to the key of the service product_search.")
    sandbox = f"http://127.0.0.1:{SANDBOX.port_in(os.environ)}"
    return services_environment(await read_accounts(sandbox), "", sandbox)[_KEY]


def _stop(text: str, status: int) -> NoReturn:
    print(text, file=sys.stderr)
    raise typer.Exit(status)
