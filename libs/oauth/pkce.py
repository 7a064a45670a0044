"""Proof Key for Code Exchange (RFC 7636): what is sent with a person to authorise, and what proves it afterwards."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field

STATE_BYTES = 16
VERIFIER_BYTES = 32


@dataclass(frozen=True, slots=True)
class Proof:
    """`state` comes back with the person; `verifier` is shown only to the authority, when the code is exchanged."""

    state: str
    verifier: str = field(repr=False)

    @property
    def challenge(self) -> str:
        """SHA-256 of the verifier in base64url without padding (method S256)."""
        return _base64url(hashlib.sha256(self.verifier.encode()).digest())


def new_proof() -> Proof:
    """A fresh one: a state of 16 random bytes and a verifier of 32, in base64url without padding."""
    return Proof(_base64url(secrets.token_bytes(STATE_BYTES)), _base64url(secrets.token_bytes(VERIFIER_BYTES)))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
