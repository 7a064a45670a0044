"""What the read models of marketplace entities share: which fact is news, and the history of an entity's status."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from libs.projection.model import Position, Refused, Row

_INT8 = 2**63


class StatusEntry(msgspec.Struct, frozen=True):
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


class DatedFact(Protocol):
    """A fact that says of when its state is."""

    @property
    def updated_at(self) -> datetime: ...


class EntityFact(DatedFact, Protocol):
    """What every fact about a marketplace's entity with a status says."""

    @property
    def status(self) -> StrEnum: ...
    @property
    def marketplace_status(self) -> str: ...


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
    return (*entries, StatusEntry(status, fact.marketplace_status, fact.updated_at, position.event_id))


def int8(value: int | None, what: str) -> int | None:
    """A number that fits PostgreSQL's bigint; raise Refused for one that does not."""
    if value is not None and not -_INT8 <= value < _INT8:
        raise Refused(f"{what} is beyond 64 bits")
    return value
