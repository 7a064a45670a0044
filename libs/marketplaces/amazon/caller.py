"""One seller's calls to the Selling Partner API: the access token in its own header, errors by their codes.

| answer                                     | raised       | meaning                                            |
|--------------------------------------------|--------------|----------------------------------------------------|
| 403 `Unauthorized`, and again when renewed | Unauthorized | the token is wrong, or lacks the role              |
| 403 anything else                          | Blocked      | the application may not do this                    |
| 429 `QuotaExceeded`                        | RateLimited  | the operation's rate is spent                      |
| anything else                              | by status    | libs.http.errors                                   |

An expired token is answered by 403, not 401. Source: SP-API, "Errors", "Usage plans and rate limits".
"""

from collections.abc import Mapping
from typing import Any

from libs.http.answer import Answer
from libs.http.client import ApiClient
from libs.http.errors import ApiError, Blocked, Unauthorized
from libs.http.tokens import TokenProvider

TOKEN_HEADER = "x-amz-access-token"  # noqa: S105  (a header's name)
_MOST = 10


class AmazonCaller:
    """Sends requests of one seller. `api` is shared by all: limits and the circuit are the application's."""

    def __init__(self, api: ApiClient, tokens: TokenProvider) -> None:
        self._api = api
        self._tokens = tokens

    async def call(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        repeatable: bool | None = None,
    ) -> Answer:
        """The 2xx answer; raises an ApiError. `path` is percent-encoded, `operation` its template."""

        async def send(token: str) -> Answer:
            return await self._api.call(
                method,
                path,
                operation=operation,
                headers={TOKEN_HEADER: token},
                query=query,
                body=body,
                repeatable=repeatable,
            )

        token = await self._tokens.token()
        try:
            return await send(token)
        except Blocked as error:
            if "Unauthorized" not in codes(error.body):
                raise
        try:
            return await send(await self._tokens.refresh(rejected=token))
        except Blocked as error:
            detail = f"{error.detail}: {', '.join(codes(error.body))}"
            raise Unauthorized(error.operation, detail, status=error.status, body=error.body) from error


def codes(body: Any) -> tuple[str, ...]:
    """The codes of an error answer (`{"errors": [{"code", "message", "details"}]}`); never its free text."""
    told = body.get("errors") if isinstance(body, Mapping) else None
    found = [each.get("code") for each in told[:_MOST] if isinstance(each, Mapping)] if isinstance(told, list) else []
    return tuple(code[:80] for code in found if isinstance(code, str))


def told_by(error: ApiError) -> str:
    """An error for people and logs."""
    named = ", ".join(codes(error.body))
    return f"{error.detail} ({named})" if named else error.detail
