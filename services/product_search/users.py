"""Who asks: a user of ours by his bearer token, and how often he may."""

from collections.abc import Callable

from aiohttp import web

from libs.db.errors import DatabaseAway
from libs.http.jwt import InvalidToken, verified
from libs.http.server import Problem
from libs.quota.headers import ratelimit_headers, retry_after_header
from libs.quota.quota import Quotas, QuotaSpent
from libs.quota.rules import Quota

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="sellstream"'}


class Users:
    """Checks tokens, and counts what each user asks for, all replicas together."""

    def __init__(self, key: str | None, quotas: Quotas, quota_of: Callable[[str], Quota]) -> None:
        self._key = key
        self._quotas = quotas
        self._quota_of = quota_of

    def user(self, request: web.Request) -> str:
        """The user who asks; raises Problem 401."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem(401, "A token is needed: `Authorization: Bearer …`.", headers=_CHALLENGE)
        if self._key is None:
            raise Problem(401, "No account is configured here, so no token is accepted.", headers=_CHALLENGE)
        try:
            return verified(self._key, token.strip())
        except InvalidToken as error:
            raise Problem(401, f"The token is not accepted: {error}.", headers=_CHALLENGE) from None

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
