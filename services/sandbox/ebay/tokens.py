"""OAuth tokens: of the application, and of the sellers that agreed to it.

A refresh token is good for 18 months and does not rotate; here it follows from the seed, so that it outlives restarts.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.sandbox.clock import Clock
from services.sandbox.seeded import secret

APPLICATION = "the application"
"""The holder of tokens that belong to no seller."""

CODE_LIFE = timedelta(minutes=5)


class Tokens:
    """Access tokens live `life` of sandbox time; codes are good for one use."""

    def __init__(self, seed: int, clock: Clock, sellers: Sequence[str], life: timedelta) -> None:
        self._seed = seed
        self._clock = clock
        self.life = life
        self._sellers = tuple(sellers)
        self._refresh = {self.refresh_token(each): each for each in self._sellers}
        self._access: dict[str, tuple[str, datetime]] = {}
        self._codes: dict[str, tuple[str, datetime]] = {}
        self._revoked: set[str] = set()
        self._issued = 0

    def refresh_token(self, seller: str) -> str:
        return f"v^1.1#i^1#r^1#{secret(self._seed, f'ebay refresh token {seller}', 64)}"

    def grant(self, holder: str) -> str:
        """A new access token."""
        self._issued += 1
        token = f"v^1.1#i^1#{secret(self._seed, f'ebay token {self._issued}', 64)}"
        now = self._clock.now()
        self._access = {each: held for each, held in self._access.items() if held[1] > now}
        self._access[token] = (holder, now + self.life)
        return token

    def code(self, seller: str) -> str:
        """What a seller's consent brings."""
        self._issued += 1
        code = f"v^1.1#i^1#{secret(self._seed, f'ebay code {self._issued}', 40)}"
        self._codes[code] = (seller, self._clock.now() + CODE_LIFE)
        self._revoked.discard(seller)
        return code

    def redeem(self, code: str) -> str | None:
        """The seller who gave this code, once."""
        seller, ends = self._codes.pop(code, ("", self._clock.now()))
        return seller if ends > self._clock.now() else None

    def refreshable(self, refresh_token: str) -> str | None:
        """The seller whose refresh token this is."""
        seller = self._refresh.get(refresh_token)
        return None if seller in self._revoked else seller

    def revoke(self, seller: str) -> None:
        """The seller takes the consent back: no token of theirs is good any more until they agree again."""
        self._revoked.add(seller)
        self._access = {token: held for token, held in self._access.items() if held[0] != seller}

    def holder(self, token: str) -> str | None:
        """Whose valid access token this is."""
        holder, ends = self._access.get(token, ("", self._clock.now()))
        return holder if ends > self._clock.now() else None
