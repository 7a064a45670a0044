"""Who asks: a user of ours by his token, in the Authorization header or in the page's cookie, and his accounts."""

from aiohttp import web

from libs.http.bearer import CHALLENGE, bearer_token, owner
from libs.http.server import Problem
from services.ebay_sync.config import Account

COOKIE = "ebay_sync_token"
PATH = "/ebay/sync"

_OURS = frozenset({"same-origin", "none"})


class Users:
    """The users of this service; each may do everything with his own accounts, and nothing with others'."""

    def __init__(self, key: str | None, accounts: tuple[Account, ...]) -> None:
        self._key = key
        self._accounts = accounts

    def user(self, request: web.Request) -> str:
        """The user who asks; raises Problem 401."""
        token = bearer_token(request)
        if token is not None:
            return self.owner(token)
        cookie = request.cookies.get(COOKIE)
        if cookie is None:
            raise Problem(401, "A token is needed: `Authorization: Bearer …`, or sign in.", headers=CHALLENGE)
        if request.headers.get("Sec-Fetch-Site", "none") not in _OURS:
            raise Problem(403, "Another site may not act with this page's sign-in.")
        return self.owner(cookie)

    def owner(self, token: str) -> str:
        """The user whose token it is; raises Problem 401."""
        return owner(token, self._key)

    def accounts(self, user_id: str) -> list[Account]:
        """The user's accounts; may be none."""
        return [account for account in self._accounts if account.user_id == user_id]

    def account(self, user_id: str, name: str | None) -> Account:
        """The account that the user means, or his only one; raises Problem 404 or 422."""
        own = self.accounts(user_id)
        if name is not None:
            own = [account for account in own if account.account == name]
        if not own:
            raise Problem(404, "You have no such eBay account here." if name else "You have no eBay account here.")
        if len(own) > 1:
            names = ", ".join(account.account for account in own)
            raise Problem(422, f"You have several eBay accounts: name one by ?account=… ({names}).")
        return own[0]
