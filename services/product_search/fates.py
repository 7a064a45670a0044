"""What StockX's failures mean for who asked us.

| StockX                                                   | answer                                          |
|----------------------------------------------------------|-------------------------------------------------|
| no such product, where one was asked for by its id       | 404                                             |
| our own share of its limits is spent for now             | 503 with Retry-After: StockX was not asked      |
| everything else: 5xx, timeouts, 401, 403, 429, nonsense  | 502, as the document says; Retry-After if known |
"""

from libs.db.errors import DatabaseAway
from libs.http.errors import ApiError, Later, RateLimited
from libs.http.server import Problem
from libs.quota.headers import retry_after_header

FAILED = "Failed to retrieve search results from StockX."


def upstream(error: ApiError) -> Problem:
    """The answer for a call to StockX that failed; `reason` says why, in words without secrets."""
    later = retry_after_header(error.retry_after) if isinstance(error, Later) and error.retry_after else {}
    if isinstance(error, RateLimited) and error.status is None:
        return Problem(503, f"StockX may not be asked now: {error.detail}.", headers=later or {"Retry-After": "5"})
    return Problem(502, FAILED, headers=later, reason=str(error))


def away(error: DatabaseAway) -> Problem:
    """The answer while PostgreSQL is away."""
    return Problem(503, f"Nobody can look that up now: {error}.", headers={"Retry-After": "5"})
