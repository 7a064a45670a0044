"""Comparing proofs: in constant time, over the exact text, and without trusting that the text is sane."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from libs.marketplaces.contract import BadSignature
from libs.marketplaces.delivery import Delivery

MAX_PROOF = 4096
"""Characters of a header that holds a proof; none of the marketplaces' comes near it."""

_BLOCK = 64
"""Bytes; of SHA-256 (RFC 6234)."""

_b2a_base64: Final = binascii.b2a_base64
_compare_digest: Final = hmac.compare_digest
"""Compiled, a name of another module is looked up at each call."""


def proof_header(delivery: Delivery, name: str) -> str:
    """The header that holds the proof; raise BadSignature where it is missing or absurd."""
    value = delivery.headers.get(name)
    if value is None:
        raise BadSignature(f"The header {name} is missing.")
    if not value or len(value) > MAX_PROOF or not value.isascii() or not value.isprintable():
        raise BadSignature(f"The header {name} is empty, too long, or not plain text.")
    return value


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """The keyed hash (RFC 2104 with SHA-256) of a message."""
    return hmac.digest(key, message, "sha256")


class HmacSha256:
    """The same for a key, and perhaps a beginning, that many messages share: what depends on these is computed once."""

    def __init__(self, key: bytes, beginning: bytes = b"") -> None:
        block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        self._inner: Final = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + beginning)
        self._outer: Final = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def base64(self, message: bytes) -> bytes:
        """The keyed hash of the beginning and the message, in base64."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return _b2a_base64(outer.digest(), newline=False)


class HmacSha256Keys:
    """Several keys, any of which may have made a proof: one key is being replaced by another."""

    def __init__(self, keys: Iterable[bytes], beginning: bytes = b"") -> None:
        self._keys = [HmacSha256(key, beginning) for key in keys]

    def prove_base64(self, message: bytes, given: str) -> bool:
        """Whether the text is the message's keyed hash in base64; the time does not tell by which key."""
        if len(self._keys) == 1:
            return same(self._keys[0].base64(message), given)
        return any_same([key.base64(message) for key in self._keys], (given,))


def same(expected: bytes, given: str) -> bool:
    """Whether a text is exactly the expected one, compared in constant time.

    Encoded proofs are compared as text: base64 can write the same bytes in several ways, and only one was sent.
    """
    return _compare_digest(expected, given.encode("utf-8", "surrogatepass"))


def any_same(expected: Iterable[bytes], given: Iterable[str]) -> bool:
    """Whether any of the expected texts was given; looks at all of them, so that the time tells nothing."""
    texts = [text.encode("utf-8", "surrogatepass") for text in given]
    return True in [hmac.compare_digest(one, text) for one in expected for text in texts]


def from_base64(text: str) -> bytes | None:
    """The bytes of a text in canonical standard base64 with its padding (RFC 4648, section 3.5), else None."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.b64encode(decoded).decode("ascii") == text else None


def check_age(sent: float, delivery: Delivery, past: timedelta, future: timedelta) -> None:
    """Raise BadSignature unless the time of sending (seconds since 1970) is near the arrival."""
    age = delivery.received - sent
    if age > past.total_seconds():
        raise BadSignature(f"The signature is older than {past.total_seconds():g} s.")
    if -age > future.total_seconds():
        raise BadSignature(f"The signature is more than {future.total_seconds():g} s in the future.")
