"""eBay's notification signature: ECDSA on P-256 over the body, with a key that eBay publishes under an id."""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from libs.marketplaces.contract import BadPayload, BadSignature
from libs.marketplaces.json_object import read_object
from libs.marketplaces.proof import from_base64

_KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_PEM = re.compile(r"\s*-----BEGIN PUBLIC KEY-----(?P<der>[A-Za-z0-9+/=\s]{1,2048})-----END PUBLIC KEY-----\s*")
_LONGEST_DER = 72  # two integers of 33 bytes with their headings

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "SHA1": hashes.SHA1,
    "SHA256": hashes.SHA256,
}
"""What a key record may ask for. eBay signs with SHA-1; forging needs a second preimage, not a collision."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What the header says: the key's id and the signature (DER)."""

    key_id: str
    der: bytes


def read_signature(header: str) -> Signature:
    """The signature in an X-EBAY-SIGNATURE header, base64 of a JSON object; raise BadSignature.

    The digest that the header names is not looked at: the key's record says which hash belongs to the key.
    """
    text = from_base64(header)
    if text is None:
        raise BadSignature("X-EBAY-SIGNATURE is not base64.")
    try:
        told = read_object(text)
    except BadPayload:
        raise BadSignature("X-EBAY-SIGNATURE does not hold a JSON object.") from None
    algorithm, key_id, signature = (told.get(name) for name in ("alg", "kid", "signature"))
    if not isinstance(algorithm, str) or algorithm.lower() != "ecdsa":
        raise BadSignature("X-EBAY-SIGNATURE must be made with ecdsa.")
    if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        raise BadSignature("X-EBAY-SIGNATURE names no key id.")
    der = from_base64(signature) if isinstance(signature, str) else None
    if der is None or not 0 < len(der) <= _LONGEST_DER:
        raise BadSignature("X-EBAY-SIGNATURE holds no signature.")
    return Signature(key_id, der)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A published key with the hash that belongs to it."""

    key: ec.EllipticCurvePublicKey
    digest: hashes.HashAlgorithm

    @classmethod
    def read(cls, record: Any) -> "PublicKey":
        """The key in eBay's record `{key, algorithm, digest}`, PEM on one line or many; raise ValueError."""
        if not isinstance(record, dict):
            raise ValueError("the key record is not an object")  # noqa: TRY004  (one error for an unreadable record)
        digest = str(record.get("digest") or "SHA1").upper().replace("-", "")
        if digest not in _HASHES:
            raise ValueError("the key record names a hash that is not allowed")
        pem = _PEM.fullmatch(str(record.get("key")))
        if pem is None:
            raise ValueError("the key record holds no PEM public key")
        try:
            key = load_der_public_key(base64.b64decode("".join(pem["der"].split()), validate=True))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ValueError("the key record's key cannot be read") from error
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError("the key record's key is not on the curve P-256")  # noqa: TRY004  (as above)
        return cls(key, _HASHES[digest]())

    def proves(self, signature: bytes, body: bytes) -> bool:
        """Whether the signature is over the body: its bytes, or its compact form.

        eBay's own libraries check the parsed and compactly re-serialised body. That differs from the bytes where
        something on the way has re-formatted them; a signature over a re-formatted text is accepted in neither.
        """
        if self._signed(signature, body):
            return True
        compact = _compact(body)
        return compact is not None and compact != body and self._signed(signature, compact)

    def _signed(self, signature: bytes, message: bytes) -> bool:
        try:
            self.key.verify(signature, message, ec.ECDSA(self.digest))
        except InvalidSignature:
            return False
        return True


def _compact(body: bytes) -> bytes | None:
    """The body's JSON without white space, names in their order; None where it is not a JSON object."""
    try:
        return json.dumps(read_object(body), separators=(",", ":"), ensure_ascii=False).encode()
    except BadPayload:
        return None
