"""OAuth tokens: of the application, and of the sellers that agreed to it. A refresh token does not rotate."""

from services.sandbox.seeded import secret
from services.sandbox.seller_tokens import SellerTokens

APPLICATION = "the application"
"""The holder of tokens that belong to no seller."""

_FORMS = {"refresh token": ("v^1.1#i^1#r^1#", 64), "access token": ("v^1.1#i^1#", 64), "code": ("v^1.1#i^1#", 40)}


class Tokens(SellerTokens):
    """In eBay's form."""

    def _made(self, kind: str, name: str) -> str:
        prefix, length = _FORMS[kind]
        return f"{prefix}{secret(self._seed, f'ebay {kind} {name}', length)}"
