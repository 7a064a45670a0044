"""Who asks: a user of ours by his bearer token, and his accounts."""

from aiohttp import web

from libs.http.bearer import bearer
from libs.http.server import Problem
from services.stockx_poller.config import Account


class Users:
    """The users of this service; each may do everything with his own accounts, and nothing with others'."""

    def __init__(self, key: str | None, accounts: tuple[Account, ...]) -> None:
        self._key = key
        self._accounts = accounts

    def user(self, request: web.Request) -> str:
        """The user who asks; raises Problem 401."""
        return bearer(request, self._key)

    def accounts(self, user_id: str) -> list[str]:
        """The names of the user's accounts; may be none."""
        return [account.account for account in self._accounts if account.user_id == user_id]

    def account(self, user_id: str, name: str | None) -> str:
        """The account that the user means, or his only one; raises Problem 404 or 422."""
        own = [each for each in self.accounts(user_id) if name in (None, each)]
        if not own:
            raise Problem(404, "You have no such StockX account here." if name else "You have no StockX account here.")
        if len(own) > 1:
            raise Problem(422, f"You have several StockX accounts: name one by ?account=… ({', '.join(own)}).")
        return own[0]
