"""Identifiers in paths: numbers, and things that must be there and be the caller's."""

from typing import TypeVar

from services.sandbox.mercadolibre.errors import not_the_callers, unknown
from services.sandbox.mercadolibre.state import User

T = TypeVar("T")


def is_number(text: str) -> bool:
    """Whether this can be an id that fits into 64 bits."""
    return text.isascii() and text.isdigit() and len(text) < 20


def number_of(text: str) -> int:
    """The id, or one that nothing has."""
    return int(text) if is_number(text) else -1


def known(thing: T | None, what: str, number: str) -> T:
    """The thing; raise Refusal 404 if there is none."""
    if thing is None:
        raise unknown(what, number[:40])
    return thing


def must_own(owner: User, caller: User, error: str = "access_denied") -> None:
    """Raise Refusal 403 with this code if it is not the caller's."""
    if owner is not caller:
        raise not_the_callers(error)
