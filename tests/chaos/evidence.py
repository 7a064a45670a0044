"""What a judge needs to know about a run: plain data, read by raw clients, judged without any code of sellstream."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

FACTS = (
    "orders",
    "shipments",
    "payments",
    "questions",
    "listings",
    "messages",
    "claims",
    "feedback",
    "invoices",
)
"""The topics of facts; each is folded into the read model of the same name."""

MARK = "x-chaos"
"""The header by which a record that this suite wrote into a topic is known, whatever happens to it."""

REDRIVE_TO = "x-redrive-to"
"""The header of a record that `sellstream dlq retry` sent again: the only consumer that may handle it."""

REPLAY, REPLAYED_FROM = "ce_replayid", "x-replayed-from"
"""The headers of a record that `sellstream topics replay` delivered again: the replay, and `partition:offset`."""

RETRIES = "x-replay-count"
"""The header of what `sellstream dlq retry` sent again, also if that was a replay's copy."""

Fate = Literal["dead_letter", "readable", "passed_over"]
"""What must become of an injected record. `readable`: it is a fact like any other, and the fold says what it does."""


@dataclass(frozen=True)
class LogRecord:
    """A record as the broker gives it; `topic` is the declared name."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    def header(self, name: str) -> str | None:
        """The last header of this name as text; bytes that are no text are replaced."""
        found = [value for each, value in self.headers if each == name]
        return found[-1].decode(errors="replace") if found else None

    @property
    def place(self) -> tuple[str, int, int]:
        return self.topic, self.partition, self.offset


@dataclass(frozen=True)
class Delivery:
    """A delivery by the sandbox's own record. A duplicate has the `original` number of the one it repeats.

    `bodies`: the SHA-256 of every body that was sent (they differ between attempts). `state`: the sandbox's word.
    `first_sent` and `acknowledged_at` are by the sandbox's clock, which jumps forward and never back.
    """

    number: int
    original: int
    marketplace: str
    topic: str
    resource: str
    poison: bool
    state: str
    bodies: frozenset[str]
    attempts: int = 1
    first_sent: datetime | None = None
    acknowledged_at: datetime | None = None

    @property
    def acknowledged(self) -> bool:
        return self.state == "delivered"


@dataclass(frozen=True)
class Injected:
    """A record that this suite wrote straight into a topic; `consumers` are who read that topic.

    Whether one that Kafka has not `acknowledged` is there, nobody knows before the topic is read.
    """

    mark: str
    kind: str
    fate: Fate
    consumers: tuple[str, ...]
    acknowledged: bool = True


@dataclass(frozen=True)
class State:
    """What is compared of an entity: the same shape from a row and from the reference fold. Amounts without unit."""

    status: str
    marketplace_status: str
    updated_at: datetime
    history: tuple[tuple[str, str, datetime], ...]
    amount: Decimal | None
    currency: str | None
    event_id: str
    partition: int
    offset: int


@dataclass(frozen=True)
class Truth:
    """An entity as the sandbox has it now. `changed`: when it did last, where status and amount do not tell that."""

    status: str
    amount: Decimal | None
    changed: datetime | None = None


@dataclass(frozen=True)
class Evidence:
    """Everything that was seen after a run. `unwell`: what is stuck or not ready, one sentence each."""

    deliveries: Sequence[Delivery] = ()
    records: Mapping[str, Sequence[LogRecord]] = field(default_factory=dict)
    injected: Mapping[str, Injected] = field(default_factory=dict)
    rows: Mapping[str, Mapping[str, State]] = field(default_factory=dict)
    truth: Mapping[str, Mapping[str, Truth]] = field(default_factory=dict)
    unwell: Sequence[str] = ()

    def of(self, topic: str) -> Sequence[LogRecord]:
        return self.records.get(topic, ())

    def injection(self, record: LogRecord) -> Injected | None:
        """The injection that a record stems from, if this suite wrote it."""
        mark = record.header(MARK)
        return None if mark is None else self.injected.get(mark)

    def own(self, topic: str) -> Iterable[LogRecord]:
        """The records that sellstream wrote by itself: neither injected nor sent again by `dlq retry`."""
        return (each for each in self.of(topic) if each.header(MARK) is None and each.header(REDRIVE_TO) is None)
