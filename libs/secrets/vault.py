"""Sealing and opening: AES-256-GCM (NIST SP 800-38D) with random nonces; the place is authenticated, not stored.

Sealed bytes: version (1) | key id (4) | nonce (12) | ciphertext and tag (length + 16). A sealed secret that is copied
to another row or column does not open there. Random nonces are safe up to 2^32 secrets per key (section 8.3).
"""

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.secrets.keys import ID_BYTES, Key, SecretsError

_VERSION = b"\x01"
_NONCE_BYTES = 12
_TAG_BYTES = 16
HEAD_BYTES = len(_VERSION) + ID_BYTES
"""The bytes of a sealed secret that tell which key opens it."""


class Vault:
    """Seals with the first key, opens with any."""

    def __init__(self, keys: Sequence[Key]) -> None:
        if not keys:
            raise SecretsError("a vault needs a key")
        self._ciphers = {key.id: AESGCM(key.secret) for key in keys}
        self._first = keys[0].id

    @property
    def head(self) -> bytes:
        """What everything that this vault seals begins with: another beginning is an older key's."""
        return _VERSION + self._first

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of all keys in hexadecimal, the sealing one first."""
        return tuple(id.hex() for id in self._ciphers)

    def seal(self, secret: str, place: str) -> bytes:
        """The secret as it may be stored at `place` (see `place_of`), and nowhere else."""
        nonce = os.urandom(_NONCE_BYTES)
        return self.head + nonce + self._ciphers[self._first].encrypt(nonce, secret.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """The secret; raises SecretsError if its key is not here, it was changed, or it belongs to another place."""
        if len(sealed) < HEAD_BYTES + _NONCE_BYTES + _TAG_BYTES or sealed[:1] != _VERSION:
            raise SecretsError(f"what stands at {place} is not a sealed secret")
        cipher = self._ciphers.get(sealed[1:HEAD_BYTES])
        if cipher is None:
            raise SecretsError(
                f"what stands at {place} was sealed with the key {sealed[1:HEAD_BYTES].hex()}, which is not among "
                f"SELLSTREAM_SECRETS_KEYS ({', '.join(self.key_ids)}): put that key back, behind the others"
            )
        nonce, rest = sealed[HEAD_BYTES : HEAD_BYTES + _NONCE_BYTES], sealed[HEAD_BYTES + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, rest, place.encode()).decode()
        except InvalidTag:
            raise SecretsError(f"what stands at {place} was changed, or was sealed for another place") from None


def place_of(table: str, column: str, *key: str) -> str:
    """The name of a place: a table's column in the row with this key. No two places have the same name."""
    return f"{table}.{column}[{', '.join(repr(part) for part in key)}]"
