"""Entries of a list that a marketplace tells: one bad entry spoils no other, and is kept with its bytes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from libs.marketplaces.payload import Malformed, Payload, as_json

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
            unreadable.append(Unreadable(str(error), json.dumps(as_json(each), ensure_ascii=False).encode()))
    return tuple(entries), tuple(unreadable)
