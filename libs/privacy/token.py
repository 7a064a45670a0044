"""The form of sealed text: `sealed:v1:<key id>:<ciphertext>`, so that a string stays a string in every schema.

AES-256 in SIV mode (RFC 5297), the key's id authenticated: the same text of the same person gives the same bytes, so a
fact that is published again is the same record, and a lost or repeated nonce cannot give anything away. What is
written about a person who was erased before has no ciphertext at all.
"""

import base64
import binascii
import re
import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

KEY_BITS = 512  # two AES-256 keys: one for the tag, one for the text
_ID = r"[A-Za-z0-9_-]{22}"
TOKEN = re.compile(rf"sealed:v1:({_ID}):([A-Za-z0-9_-]*)")
KEY_ID_IN_TEXT = f"sealed:v1:({_ID}):"
"""The same for PostgreSQL's regular expressions: finds the key's id in a row's text."""


class Broken(ValueError):
    """Sealed text was changed, or was sealed with another key. The text names the key by its id alone."""


def new_key_id() -> str:
    """128 random bits as 22 characters of base64url. Says nothing of the person."""
    return secrets.token_urlsafe(16)


def new_key() -> str:
    """A fresh key as base64 text, as libs/secrets seals it."""
    return base64.b64encode(AESSIV.generate_key(KEY_BITS)).decode()


@dataclass(frozen=True, slots=True)
class PersonKey:
    """One subject's key; `secret` is base64 text, None once it is destroyed."""

    id: str
    secret: str | None = field(repr=False)
    cipher: AESSIV | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        cipher = None if self.secret is None else AESSIV(base64.b64decode(self.secret))
        object.__setattr__(self, "cipher", cipher)

    def seal(self, text: bytes) -> str:
        """The text as it may be published; without the text itself when the key is destroyed."""
        sealed = b"" if self.cipher is None else self.cipher.encrypt(text, [self.id.encode()])
        return f"sealed:v1:{self.id}:{base64.urlsafe_b64encode(sealed).rstrip(b'=').decode()}"

    def open(self, ciphertext: str) -> bytes | None:
        """What was sealed; None when nothing can be read any more. Raises Broken."""
        if self.cipher is None or not ciphertext:
            return None
        try:
            sealed = base64.urlsafe_b64decode(ciphertext + "=" * (-len(ciphertext) % 4))
            return self.cipher.decrypt(sealed, [self.id.encode()])
        except (binascii.Error, InvalidTag, ValueError):
            raise Broken(f"text that was sealed with the key {self.id} was changed since") from None
