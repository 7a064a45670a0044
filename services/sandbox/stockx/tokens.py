"""OAuth tokens of the sellers that agreed to the application."""

from services.sandbox.seeded import secret
from services.sandbox.seller_tokens import SellerTokens


class Tokens(SellerTokens):
    """In StockX's form."""

    def _made(self, kind: str, name: str) -> str:
        return f"v1.{secret(self._seed, f'stockx {kind} of {name}', 48)}"
