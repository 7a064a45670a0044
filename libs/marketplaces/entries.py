"""Entries of a list that a marketplace tells: one bad entry spoils no other, and is kept with its bytes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from libs.marketplaces.payload import Malformed, Payload

P = TypeVar("P", bound=Payload)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry that is not of the expected form; `raw` is its JSON (fractions as text, spacing lost)."""

    reason: str
    raw: bytes


def read_entries(told: Sequence[Any], model: type[P]) -> tuple[tuple[P, ...], tuple[Unreadable, ...]]:
    """The entries that can be read, and the others."""
    entries: list[P] = []
    unreadable: list[Unreadable] = []
    for each in told:
        try:
            entries.append(model.read(each))
        except Malformed as error:
            unreadable.append(Unreadable(str(error), _written(each)))
    return tuple(entries), tuple(unreadable)


def _written(told: Any) -> bytes:
    """JSON's bytes again, whatever stood in them: a lone surrogate as its escape. What nests so deeply that not even
    that can be told is kept as an empty text: it must not stop those who read the other entries."""
    try:
        return json.dumps(told, default=str, ensure_ascii=False).encode(errors="backslashreplace")
    except RecursionError:
        return b""
