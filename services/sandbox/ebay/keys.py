"""eBay's signing keys: P-256, made from the seed, each under a key id."""

from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.sandbox.seeded import secret

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of the curve P-256 (FIPS 186-4, D.1.2.3)."""


class Keys:
    """All keys that were ever used; the last one signs."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.current = self.rotate()

    def rotate(self) -> str:
        """Sign with a new key from now on; return its id. Notifications signed before stay verifiable."""
        number = len(self._keys)
        drawn = int(secret(self._seed, f"ebay key {number}", 64), 16)
        key = ec.derive_private_key(drawn % (_ORDER - 1) + 1, ec.SECP256R1())
        self.current = str(UUID(hex=secret(self._seed, f"ebay kid {number}"), version=4))
        self._keys[self.current] = key
        return self.current

    def private(self, kid: str) -> ec.EllipticCurvePrivateKey:
        return self._keys[kid]

    def public_pem(self, kid: str) -> str | None:
        """The public key as eBay writes it, PEM on one line; None if there is no such key."""
        key = self._keys.get(kid)
        if key is None:
            return None
        return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode().replace("\n", "")
