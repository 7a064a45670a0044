"""Randomness and identifiers that are the same for the same seed, on every machine."""

import hashlib
import random
from uuid import UUID

Stream = random.Random


def stream(seed: int, name: str) -> Stream:
    """A stream of randomness of its own, so that drawing from one does not change another."""
    return random.Random(f"{seed}/{name}")  # noqa: S311  (made-up data must be repeatable; nothing is kept secret by it)


def secret(seed: int, name: str, length: int = 32) -> str:
    """A made-up secret in hexadecimal, at most 64 characters."""
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()[:length]


def uuid(source: Stream) -> str:
    """A version 4 UUID drawn from `source`."""
    return str(UUID(int=source.getrandbits(128), version=4))


def chance(source: Stream, share: float) -> bool:
    """True in `share` (0 to 1) of the cases. It always draws once, so that shares do not shift what follows."""
    return source.random() < share
