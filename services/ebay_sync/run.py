"""A run: one synchronisation of one account, and the words for its kinds, modes, ends and places."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Kind(StrEnum):
    """What is synchronised."""

    INVENTORY = "inventory"
    OFFERS = "offers"


class Mode(StrEnum):
    """How much is asked for: everything, what may have changed, or what failed in another run."""

    FULL = "full"
    INCREMENTAL = "incremental"
    RETRY = "retry"


class Status(StrEnum):
    """`started` waits for a process to take it."""

    STARTED = "started"
    RUNNING = "running"
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"


ACTIVE = frozenset({Status.STARTED, Status.RUNNING})


class Counts(BaseModel):
    """What a run has done. `stored`: rows committed in the read model; `skus`: those whose offers were asked for."""

    model_config = ConfigDict(frozen=True)

    fetched: int = 0
    stored: int = 0
    unchanged: int = 0
    disappeared: int = 0
    skus: int = 0
    failed: int = 0

    def plus(self, **more: int) -> "Counts":
        """The counts after some more of each."""
        return self.model_copy(update={name: getattr(self, name) + number for name, number in more.items()})


class Place(BaseModel):
    """Where a run stands, and where another process goes on. `next` is None before the first page of `list`.

    `listed_since`: a SKU that was seen at eBay after this moment is there. `after`, `index`, `total`: the last SKU that
    is dealt with, its number, and how many there are.
    """

    model_config = ConfigDict(frozen=True)

    phase: Literal["list", "missing", "offers"] = "list"
    page: int = 0
    next_offset: int | None = None
    next_limit: int | None = None
    listed_since: datetime | None = None
    after: str = ""
    index: int = 0
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A row of ebay_sync.runs. Whoever holds it writes under `fence`."""

    run_id: str
    kind: Kind
    mode: Mode
    account: str
    user_id: str
    requested_by: str
    retry_of: str | None
    status: Status
    error: str | None
    created_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    stop_requested_at: datetime | None
    fence: int
    place: Place
    counts: Counts
    last_event: int

    @property
    def active(self) -> bool:
        return self.status in ACTIVE


@dataclass(frozen=True, slots=True)
class Line:
    """Something that a run said; `kind` is start, info, request, progress, warning, done, stopped or error."""

    number: int
    at: datetime
    kind: str
    text: str

    def __str__(self) -> str:
        return f"[{self.at:%H:%M:%S}] {self.text}"


@dataclass(frozen=True, slots=True)
class Failure:
    """A SKU that a run could not get."""

    sku: str
    error: str
    attempts: int


def new_run_id(kind: Kind, at: datetime) -> str:
    """For example `inventory_1234567890_abc123`."""
    return f"{kind}_{int(at.timestamp())}_{secrets.token_hex(3)}"
