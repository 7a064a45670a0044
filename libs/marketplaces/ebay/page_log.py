"""Log events of each page that is fetched: `<what>_request`, `<what>_success`, `<what>_failed`.

Their names are those of the inventory and offers sync document, sections 1 and 2; `what` is `fetch_inventory_items` or
`fetch_offers`. The HTTP client's own line (`call`) tells each attempt beside them.
"""

import time
from collections.abc import Awaitable
from typing import TypeVar

from libs.http.errors import ApiError
from libs.marketplaces.ebay.paging import Page
from libs.marketplaces.ebay.values import EbayPayload
from libs.telemetry.log import get_logger

log = get_logger()

P = TypeVar("P", bound=EbayPayload)


async def logged(what: str, fetching: Awaitable[Page[P]], **asked: object) -> Page[P]:
    """The page; `asked` are the request's parameters. Raises what `fetching` raises."""
    log.info(f"{what}_request", **asked)
    began = time.perf_counter()
    try:
        page = await fetching
    except ApiError as error:
        log.warning(f"{what}_failed", **asked, milliseconds=_since(began), error=str(error))
        raise
    log.info(
        f"{what}_success",
        **asked,
        milliseconds=_since(began),
        fetched=page.fetched,
        unreadable=len(page.unreadable),
        total=page.total,
    )
    return page


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 3)
