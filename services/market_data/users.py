"""Who asks: a user of ours by his bearer token."""

from aiohttp import web

from libs.http.bearer import bearer


class Users:
    """Checks tokens."""

    def __init__(self, key: str | None) -> None:
        self._key = key

    def user(self, request: web.Request) -> str:
        """The user who asks; raises Problem 401."""
        return bearer(request, self._key)
