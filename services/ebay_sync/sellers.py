"""The configured accounts at eBay, and whose notification one is."""

from collections.abc import Iterable
from dataclasses import dataclass

from libs.marketplaces.ebay.client import Ebay
from libs.marketplaces.ebay.translate import Owner
from services.ebay_sync.config import Account


@dataclass(frozen=True, slots=True)
class Seller:
    """An account with its client. `destination`: the gateway's name of the endpoint that its notifications come to."""

    owner: Owner
    ebay: Ebay
    destination: str
    username: str | None

    @classmethod
    def of(cls, account: Account, ebay: Ebay) -> "Seller":
        return cls(
            Owner(account.account, account.user_id), ebay, account.destination or account.account, account.username
        )

    @property
    def account(self) -> str:
        return self.owner.account


class Sellers:
    """All of them."""

    def __init__(self, sellers: Iterable[Seller]) -> None:
        self._all = tuple(sellers)

    def notified_at(self, destination: str, username: str | None) -> tuple[Seller, ...]:
        """Whose a notification may be. An application has one destination for all who authorised it.

        Only a name that is one of theirs narrows it: eBay tells an immutable id instead of some users' names.
        """
        found = tuple(one for one in self._all if one.destination == destination)
        named = tuple(one for one in found if username is not None and one.username == username)
        return named or found
