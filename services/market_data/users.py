"""Who asks: a user of ours by his bearer token."""

from aiohttp import web

from libs.http.jwt import InvalidToken, verified
from libs.http.server import Problem

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="sellstream"'}


class Users:
    """Checks tokens."""

    def __init__(self, key: str | None) -> None:
        self._key = key

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
