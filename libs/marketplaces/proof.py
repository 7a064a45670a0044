"""Comparing proofs: in constant time, over the exact text, and without trusting that the text is sane."""

import base64
import binascii
import hmac
from collections.abc import Iterable
from datetime import timedelta

from libs.marketplaces.contract import BadSignature, Delivery

MAX_PROOF = 4096
"""Characters of a header that holds a proof; none of the marketplaces' comes near it."""


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


def same(expected: bytes, given: str) -> bool:
    """Whether a text is exactly the expected one, compared in constant time.

    Encoded proofs are compared as text: base64 can write the same bytes in several ways, and only one was sent.
    """
    return hmac.compare_digest(expected, given.encode("utf-8", "surrogatepass"))


def any_same(expected: Iterable[bytes], given: Iterable[str]) -> bool:
    """Whether any of the expected texts was given; looks at all of them, so that the time tells nothing."""
    texts = [text.encode("utf-8", "surrogatepass") for text in given]
    found = False
    for one in expected:
        for text in texts:
            found |= hmac.compare_digest(one, text)
    return found


def from_base64(text: str) -> bytes | None:
    """The bytes of a text in canonical standard base64 with its padding (RFC 4648, section 3.5), else None."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.b64encode(decoded).decode("ascii") == text else None


def check_age(sent: float, delivery: Delivery, past: timedelta, future: timedelta) -> None:
    """Raise BadSignature unless the time of sending (seconds since 1970) is near the arrival."""
    age = delivery.received_at.timestamp() - sent
    if age > past.total_seconds():
        raise BadSignature(f"The signature is older than {past.total_seconds():g} s.")
    if -age > future.total_seconds():
        raise BadSignature(f"The signature is more than {future.total_seconds():g} s in the future.")
