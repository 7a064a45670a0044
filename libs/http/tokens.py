"""Where a client gets its access tokens from: the seam between calling an API and keeping its credentials."""

from typing import Protocol


class TokenProvider(Protocol):
    """The access tokens of one account."""

    async def token(self) -> str:
        """An access token that is valid as far as we know; raise an ApiError."""
        ...

    async def refresh(self, rejected: str) -> str:
        """The token that replaces one answered by 401. Concurrent calls about one token cause one refresh."""
        ...
