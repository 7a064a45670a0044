"""What can come of a call to somebody else's HTTP API: a small set of errors, each meaning a fate.

| raised       | the other side                                  | what it means for the caller                       |
|--------------|-------------------------------------------------|----------------------------------------------------|
| NotFound     | 404, 410                                        | there is no such thing (or not for us)             |
| Blocked      | 403                                             | it is there, but we may not: a rule or a firewall  |
| Unauthorized | 401 even with a fresh token, or a dead refresh  | our credentials are wrong: a person must act       |
| RateLimited  | 429                                             | too fast: come back after `retry_after`            |
| Unavailable  | 5xx, 408, timeout, no connection                | it fails: come back later                          |
| CircuitOpen  | (not asked)                                     | it failed too often in a row: come back then       |
| Refused      | any other 4xx                                   | the request itself is wrong: never ask it again    |
| Garbage      | an answer that cannot be read                   | broken now, or not the API that we think it is     |
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any


class ApiError(Exception):
    """A call that did not succeed.

    `operation` is the route's template, `status` the HTTP status (None without an answer). `body` is the error answer
    as JSON, where it was any; it may hold personal data and is therefore never part of the text. `headers` and `raw`
    are those of the answer, if there was one; of an answer that is too long `raw` has the first bytes.
    """

    headers: Mapping[str, str] = MappingProxyType({})
    raw: bytes = b""

    def __init__(self, operation: str, detail: str, *, status: int | None = None, body: Any = None) -> None:
        super().__init__(f"{operation}: {detail}")
        self.operation = operation
        self.detail = detail
        self.status = status
        self.body = body


class NotFound(ApiError):
    """404 or 410: the resource does not exist for us."""


class Blocked(ApiError):
    """403: a permission, a policy or a firewall stands between us and the resource."""


class Unauthorized(ApiError):
    """401 with a fresh token, or the token could not be refreshed: the credentials need a person."""


class Refused(ApiError):
    """A 4xx that says that the request itself is wrong."""


class Garbage(ApiError):
    """The answer is too large, not JSON, or not of the expected shape."""


class Later(ApiError):
    """The call may succeed later; `retry_after` is how long the other side asked to wait, if it said."""

    def __init__(
        self,
        operation: str,
        detail: str,
        *,
        status: int | None = None,
        body: Any = None,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(operation, detail, status=status, body=body)
        self.retry_after = retry_after


class RateLimited(Later):
    """429, or our own limiter or quota says that the call must wait for longer than a caller should be held."""


class Unavailable(Later):
    """5xx, 408, a timeout, or no connection."""


class CircuitOpen(Later):
    """The other side failed so often in a row that it is left alone; `retry_after` is always set."""
