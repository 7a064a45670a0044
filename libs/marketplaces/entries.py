"""Entries of a list that a marketplace tells: one bad entry spoils no other, and is kept with its bytes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from libs.marketplaces.payload import Malformed, Payload

P = TypeVar("P", bound=Payload)

_exact = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry that is not of the expected form; `raw` is its JSON as it was told, numbers exact, without spaces."""

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
            unreadable.append(Unreadable(str(error), written(each)))
    return tuple(entries), tuple(unreadable)


def written(told: Any) -> bytes:
    """JSON's bytes again, whatever stood in them: with a lone surrogate as its escape, and then with fractions as text.
    What nests so deeply that not even that can be told is kept as an empty text: it must not stop those who read the
    other entries."""
    try:
        try:
            return _exact(told)
        except UnicodeEncodeError:
            return json.dumps(told, default=str, ensure_ascii=False).encode(errors="backslashreplace")
    except RecursionError:
        return b""
