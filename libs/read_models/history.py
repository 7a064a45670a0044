"""What the read models of marketplace entities share: which fact is news, and the history of an entity's status."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from libs.projection.model import Position, Refused, Row
from libs.read_models.gathering import Gathering, Latest, Newest, gather_newest

_INT8 = 2**63
_GATHERING = Path(__file__).with_name("gathering.py")  # not its module's own file: that may be compiled


class StatusEntry(msgspec.Struct, frozen=True, gc=False):
    """A status that an entity came into: ours, the marketplace's word, its time of the change, and the event."""

    status: str
    marketplace_status: str
    at: datetime
    event_id: str


class EntityRow(Row, frozen=True):
    """A row with a status and its history, oldest first."""

    marketplace: str
    account: str
    status: str
    marketplace_status: str
    status_history: tuple[StatusEntry, ...]


RowColumns = tuple[str, datetime, str, str | None, str, int, int]
"""The columns of every Row, in its order, for one that has more: `InventoryRow(*columns, sku_code=…)`.

A plain tuple, and no names to be merged with the others: that takes half as long.
"""

EntityColumns = tuple[*RowColumns, str, str, str, str, tuple[StatusEntry, ...]]
"""The columns of an EntityRow."""


class DatedFact(Protocol):
    """A fact that says of when its state is."""

    def key(self) -> str: ...
    @property
    def updated_at(self) -> datetime: ...


class EntityFact(DatedFact, Protocol):
    """What every fact about a marketplace's entity with a status says."""

    @property
    def marketplace(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def status(self) -> StrEnum: ...
    @property
    def marketplace_status(self) -> str: ...


R = TypeVar("R", bound=EntityRow)
F = TypeVar("F", bound=EntityFact)
N = TypeVar("N", bound=Row)
D = TypeVar("D", bound=DatedFact)


@dataclass(frozen=True)
class OfLatest(Generic[R, F]):
    """The fold of a read model whose row is the newest fact's own state, with the status history: its `evolve`.

    `build` makes the row of a fact; it must not refuse. `bigints` names the fact's whole numbers that go into a bigint
    column: a fact with one beyond that is refused. Far behind, a projection makes rows only of the facts that are the
    last ones of their entities: `gather` them all, and `row` then gives what `evolve` would have given.
    """

    build: Callable[[F, EntityColumns], R]
    bigints: tuple[str, ...] = ()

    def __call__(self, row: R | None, fact: F, position: Position) -> R | None:
        """The row after a fact: the fact's own state, if it is news."""
        if not is_news(row, fact, position):
            return row
        self._refuse(fact)
        return self.build(fact, entity_columns(fact, position, history(row, fact, position)))

    @property
    def files(self) -> tuple[Path, ...]:
        """What gathers."""
        return (_GATHERING,)

    @property
    def gather(self) -> Callable[[Latest | None, F, int, str, str | None, Any], Latest]:
        """What is known of an entity after a fact; raises Refused."""
        return Gathering(StatusEntry, self._refuse if self.bigints else None).gather

    def row(self, latest: Latest, fact: F, topic: str, partition: int) -> R:
        """The row of what was gathered, and of the fact of its source."""
        position = Position(topic, partition, latest.offset, latest.event_id, latest.correlation_id)
        return self.build(fact, entity_columns(fact, position, tuple(latest.history)))

    def _refuse(self, fact: F) -> None:
        for name in self.bigints:
            int8(getattr(fact, name), name)


@dataclass(frozen=True)
class OfNewest(Generic[N, D]):
    """The fold of a read model whose row is the newest fact's own state, and nothing else: its `evolve`.

    As OfLatest, without a history.
    """

    build: Callable[[D, RowColumns], N]

    def __call__(self, row: N | None, fact: D, position: Position) -> N | None:
        """The row after a fact: the fact's own state, if it is news."""
        return self.build(fact, row_columns(fact, position)) if is_news(row, fact, position) else row

    @property
    def files(self) -> tuple[Path, ...]:
        """What gathers."""
        return (_GATHERING,)

    @property
    def gather(self) -> Callable[[Newest | None, D, int, str, str | None, Any], Newest]:
        """What is known of a key after a fact."""
        return gather_newest

    def row(self, newest: Newest, fact: D, topic: str, partition: int) -> N:
        """The row of what was gathered, and of the fact of its source."""
        position = Position(topic, partition, newest.offset, newest.event_id, newest.correlation_id)
        return self.build(fact, row_columns(fact, position))


def row_columns(fact: DatedFact, position: Position) -> RowColumns:
    """The columns that every row has, from the fact that makes it what it is."""
    return (
        fact.key(),
        fact.updated_at,
        position.event_id,
        position.correlation_id,
        position.topic,
        position.partition,
        position.offset,
    )


def entity_columns(fact: EntityFact, position: Position, entries: tuple[StatusEntry, ...]) -> EntityColumns:
    """The columns that every entity's row has, from the fact that makes it what it is."""
    return (
        *row_columns(fact, position),
        fact.marketplace,
        fact.account,
        str(fact.status),
        fact.marketplace_status,
        entries,
    )


def is_news(row: Row | None, fact: DatedFact, position: Position) -> bool:
    """Whether a fact replaces the row: not one that was applied before, and not an older state of the entity.

    Of two states with the same time the later one in the log counts.
    """
    if row is None:
        return True
    if (row.log_topic, row.log_partition) == (position.topic, position.partition) and position.offset <= row.log_offset:
        return False
    return position.event_id != row.event_id and fact.updated_at >= row.updated_at


def history(row: EntityRow | None, fact: EntityFact, position: Position) -> tuple[StatusEntry, ...]:
    """The status history after a fact: it grows only when the status, ours or the marketplace's, is another one."""
    entries = row.status_history if row is not None else ()
    status = str(fact.status)
    if entries and (entries[-1].status, entries[-1].marketplace_status) == (status, fact.marketplace_status):
        return entries
    return (*entries, _entry(fact, position))


def _entry(fact: EntityFact, position: Position) -> StatusEntry:
    return StatusEntry(str(fact.status), fact.marketplace_status, fact.updated_at, position.event_id)


def int8(value: int | None, what: str) -> int | None:
    """A number that fits PostgreSQL's bigint; raise Refused for one that does not."""
    if value is not None and not -_INT8 <= value < _INT8:
        raise Refused(f"{what} is beyond 64 bits")
    return value
