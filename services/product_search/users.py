"""Who asks: a user of ours by his bearer token, and how often he may."""

from collections.abc import Callable

from aiohttp import web

from libs.db.errors import DatabaseAway
from libs.http.bearer import bearer
from libs.http.server import Problem
from libs.quota.headers import ratelimit_headers, retry_after_header
from libs.quota.quota import Quotas, QuotaSpent
from libs.quota.rules import Quota


class Users:
    """Checks tokens, and counts what each user asks for, all replicas together."""

    def __init__(self, key: str | None, quotas: Quotas, quota_of: Callable[[str], Quota]) -> None:
        self._key = key
        self._quotas = quotas
        self._quota_of = quota_of

    def user(self, request: web.Request) -> str:
        """The user who asks; raises Problem 401."""
        return bearer(request, self._key)

    async def count(self, user: str) -> dict[str, str]:
        """Count one search; the RateLimit headers of its answer. Raises Problem 429, 503."""
        quota = self._quota_of(user)
        try:
            return ratelimit_headers([await self._quotas.take(quota)])
        except QuotaSpent as error:
            headers = ratelimit_headers([error.standing]) | retry_after_header(error.retry_after)
            told = f"You have searched {quota.limit} times in a minute, which is the most. Come back later."
            raise Problem(429, told, headers=headers) from None
        except DatabaseAway as error:
            raise Problem(503, f"Nobody can be let in now: {error}.", headers={"Retry-After": "5"}) from None
