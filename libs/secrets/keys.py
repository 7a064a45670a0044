"""Keys from text: 32 random bytes in base64, each known by a short id that is no secret."""

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass, field

KEY_BYTES = 32
ID_BYTES = 4


class SecretsError(Exception):
    """A key is missing, wrong, or not the one that sealed something. The text never holds a key or a secret."""


@dataclass(frozen=True, slots=True)
class Key:
    """An AES-256 key. `id` is the beginning of its SHA-256: it tells keys apart and gives nothing away."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> bytes:
        return hashlib.sha256(b"sellstream key id\0" + self.secret).digest()[:ID_BYTES]


def new_key() -> str:
    """The text of a fresh key (base64url, 44 characters)."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def read_keys(text: str) -> tuple[Key, ...]:
    """Keys divided by commas or line ends, the one to seal with first; lines from `#` on are comments.

    Raises SecretsError, which names a wrong key by its place only.
    """
    lines = (line.partition("#")[0] for line in text.splitlines())
    written = [key for line in lines for key in line.replace(",", " ").split()]
    keys = tuple(_key(number, one) for number, one in enumerate(written, 1))
    if not keys:
        raise SecretsError("there is no key. `sellstream secrets generate` prints one")
    if len({key.id for key in keys}) < len(keys):
        raise SecretsError("one key stands there twice: leave one of them out")
    return keys


def _key(number: int, text: str) -> Key:
    try:
        secret = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error:
        raise SecretsError(f"key {number} is not base64. `sellstream secrets generate` prints one that is") from None
    if len(secret) != KEY_BYTES:
        raise SecretsError(
            f"key {number} has {len(secret)} bytes instead of {KEY_BYTES}. "
            "`sellstream secrets generate` prints a right one"
        )
    return Key(secret)
