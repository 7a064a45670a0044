"""What the read models of marketplace entities share: which fact is news, and the history of an entity's status."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from sys import intern
from typing import Any, Generic, Protocol, TypedDict, TypeVar

import msgspec

from libs.projection.model import Position, Refused, Row

_INT8 = 2**63


class StatusEntry(msgspec.Struct, frozen=True, gc=False):
    """A status that an entity came into: ours, the marketplace's word, its time of the change, and the event."""

    status: str
    marketplace_status: str
    at: datetime
    event_id: str


class EntityRow(Row, frozen=True, kw_only=True):
    """A row with a status and its history, oldest first."""

    marketplace: str
    account: str
    status: str
    marketplace_status: str
    status_history: tuple[StatusEntry, ...]


class RowColumns(TypedDict):
    """The columns of every Row, for one that has more: `InventoryRow(**columns, sku_code=…)`."""

    key: str
    updated_at: datetime
    event_id: str
    correlation_id: str | None
    log_topic: str
    log_partition: int
    log_offset: int


class EntityColumns(RowColumns):
    """The columns of an EntityRow."""

    marketplace: str
    account: str
    status: str
    marketplace_status: str
    status_history: tuple[StatusEntry, ...]


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


class Latest(msgspec.Struct, gc=False):
    """What is known of an entity: its newest fact's source and place, what decides over the next one, the history.

    Of all entities at the same time: hence no parts of its own but the history, and words that all of them share.
    """

    source: Any
    offset: int
    event_id: str
    correlation_id: str | None
    updated_at: datetime
    status: StrEnum
    marketplace_status: str
    history: list[StatusEntry]


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

    def gather(
        self, latest: Latest | None, fact: F, offset: int, event_id: str, correlation_id: str | None, source: Any
    ) -> Latest:
        """What is known of an entity after a fact. Changes `latest`; raises Refused."""
        updated_at, status = fact.updated_at, fact.status
        if latest is not None and (updated_at < latest.updated_at or event_id == latest.event_id):
            return latest
        if self.bigints:
            self._refuse(fact)
        if latest is None:
            word = intern(fact.marketplace_status)
            entry = StatusEntry(intern(str(status)), word, updated_at, event_id)
            return Latest(source, offset, event_id, correlation_id, updated_at, status, word, [entry])
        if status != latest.status or fact.marketplace_status != latest.marketplace_status:
            latest.status = status
            latest.marketplace_status = word = intern(fact.marketplace_status)
            latest.history.append(StatusEntry(intern(str(status)), word, updated_at, event_id))
        latest.source, latest.offset, latest.updated_at = source, offset, updated_at
        latest.event_id, latest.correlation_id = event_id, correlation_id
        return latest

    def row(self, latest: Latest, fact: F, topic: str, partition: int) -> R:
        """The row of what was gathered, and of the fact of its source."""
        position = Position(topic, partition, latest.offset, latest.event_id, latest.correlation_id)
        return self.build(fact, entity_columns(fact, position, tuple(latest.history)))

    def _refuse(self, fact: F) -> None:
        for name in self.bigints:
            int8(getattr(fact, name), name)


def row_columns(fact: DatedFact, position: Position) -> RowColumns:
    """The columns that every row has, from the fact that makes it what it is."""
    return {
        "key": fact.key(),
        "updated_at": fact.updated_at,
        "event_id": position.event_id,
        "correlation_id": position.correlation_id,
        "log_topic": position.topic,
        "log_partition": position.partition,
        "log_offset": position.offset,
    }


def entity_columns(fact: EntityFact, position: Position, entries: tuple[StatusEntry, ...]) -> EntityColumns:
    """The columns that every entity's row has, from the fact that makes it what it is."""
    return {
        **row_columns(fact, position),
        "marketplace": fact.marketplace,
        "account": fact.account,
        "status": str(fact.status),
        "marketplace_status": fact.marketplace_status,
        "status_history": entries,
    }


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
