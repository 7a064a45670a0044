"""Folding a batch: the rows after it, from the rows before it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic

from libs.projection.model import F, R, ReadModel, Refused
from libs.projection.record import Located


@dataclass(slots=True)
class Folded(Generic[R]):
    """What a batch changes: rows to write and keys to delete; and the facts that the read model refused, with why."""

    written: dict[str, R] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    refused: list[tuple[Located, Refused]] = field(default_factory=list)


def fold(model: ReadModel[R, F], before: Mapping[str, R], facts: Iterable[Located]) -> Folded[R]:
    """Apply facts in the order of the log. `before` holds the stored rows of their keys, as far as there are any."""
    folded: Folded[R] = Folded()
    after: dict[str, R | None] = {}
    for located in facts:
        if not isinstance(located.fact, model.forms):
            continue  # another event of the same topic: not what this read model is made of
        key = located.key
        row = after[key] if key in after else before.get(key)
        try:
            after[key] = model.evolve(row, located.fact, located.position)  # type: ignore[arg-type]  # of the model's own forms
        except Refused as error:
            folded.refused.append((located, error))
    for key, row in after.items():
        stored = before.get(key)
        if row is None and stored is not None:
            folded.deleted.add(key)
        elif row is not None and row is not stored:
            folded.written[key] = row
    return folded
