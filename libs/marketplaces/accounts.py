"""Which of a marketplace's configured accounts a delivery may be meant for."""

from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

from pydantic import Field, SecretStr

from libs.marketplaces.contract import AccountSettings, UnknownAccount

Secret = Annotated[SecretStr, Field(min_length=8, max_length=512)]
"""A key that proofs are made with; an empty one would let everybody in."""

A = TypeVar("A", bound=AccountSettings)


class Accounts(Generic[A]):
    """The configured accounts, by the name that stands in the URL."""

    def __init__(self, accounts: Sequence[A]) -> None:
        self._all = tuple(accounts)
        self._named = {account.account: (account,) for account in accounts}
        if len(self._named) != len(self._all):
            raise ValueError("an account name stands twice")

    def candidates(self, name: str | None) -> tuple[A, ...]:
        """The account that the URL names, or all if it names none; raise UnknownAccount."""
        if name is None:
            return self._all
        found = self._named.get(name)
        if found is None:
            raise UnknownAccount("No such account is configured.")
        return found

    def only(self, name: str | None) -> A:
        """The account that the URL names, or the only one; raise UnknownAccount where the URL must name one."""
        found = self.candidates(name)
        if len(found) != 1:
            raise UnknownAccount("The URL must name the account: several are configured, and nothing else tells.")
        return found[0]
