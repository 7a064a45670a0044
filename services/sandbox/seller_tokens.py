"""OAuth tokens of the sellers that agreed to an application, as eBay and StockX give them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime, timedelta

from services.sandbox.clock import Clock

CODE_LIFE = timedelta(minutes=5)


class SellerTokens(ABC):
    """Access tokens live `life` of sandbox time; codes are good for one use; a refresh token until it is replaced.

    What is made follows from the seed, so that a seller's first refresh token outlives restarts.
    """

    def __init__(self, seed: int, clock: Clock, sellers: Sequence[str], life: timedelta) -> None:
        self._seed = seed
        self._clock = clock
        self.life = life
        self._issued = 0
        self._refresh = {each: self._made("refresh token", each) for each in sellers}
        self._access: dict[str, tuple[str, datetime]] = {}
        self._codes: dict[str, tuple[str, datetime]] = {}
        self._revoked: set[str] = set()

    @abstractmethod
    def _made(self, kind: str, name: str) -> str:
        """A `refresh token`, `access token` or `code` in the marketplace's form."""

    def refresh_token(self, seller: str) -> str:
        """The seller's refresh token, as it is now."""
        return self._refresh[seller]

    def rotate(self, seller: str) -> str:
        """A new refresh token; the old one is dead."""
        self._refresh[seller] = self._next("refresh token", seller)
        return self._refresh[seller]

    def grant(self, holder: str) -> str:
        """A new access token."""
        token = self._next("access token", holder)
        now = self._clock.now()
        self._access = {each: held for each, held in self._access.items() if held[1] > now}
        self._access[token] = (holder, now + self.life)
        return token

    def code(self, seller: str) -> str:
        """What a seller's consent brings."""
        code = self._next("code", seller)
        self._codes[code] = (seller, self._clock.now() + CODE_LIFE)
        self._revoked.discard(seller)
        return code

    def redeem(self, code: str) -> str | None:
        """The seller who gave this code, once."""
        seller, ends = self._codes.pop(code, ("", self._clock.now()))
        return seller if ends > self._clock.now() else None

    def refreshable(self, refresh_token: str) -> str | None:
        """The seller whose refresh token this is."""
        found = next((seller for seller, token in self._refresh.items() if token == refresh_token), None)
        return None if found in self._revoked else found

    def revoke(self, seller: str) -> None:
        """The seller takes the consent back: no token of theirs is good any more until they agree again."""
        self._revoked.add(seller)
        self._access = {token: held for token, held in self._access.items() if held[0] != seller}

    def holder(self, token: str) -> str | None:
        """Whose valid access token this is."""
        holder, ends = self._access.get(token, ("", self._clock.now()))
        return holder if ends > self._clock.now() else None

    def _next(self, kind: str, holder: str) -> str:
        self._issued += 1
        return self._made(kind, f"{holder} {self._issued}")
