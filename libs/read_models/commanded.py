"""What the read models that commands write to share: a row never goes back."""

from typing import Protocol

from libs.projection.model import Position, Row


class DecidedFact(Protocol):
    """A fact that a command decided."""

    @property
    def basis(self) -> int | None: ...


def is_later(row: Row | None, fact: DecidedFact, position: Position) -> bool:
    """Whether a fact stands behind the one that made the row, and was decided by somebody who knew of that one.

    A command writes its row at once; the projector meets the same fact later, and also the ones before it.
    """
    if row is None or (row.log_topic, row.log_partition) != (position.topic, position.partition):
        return True
    return position.offset > row.log_offset and (fact.basis is None or fact.basis > row.log_offset)
