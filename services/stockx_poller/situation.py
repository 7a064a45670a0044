"""What the scheduler decides on, and what it decides: figures and names only, no I/O. Times are seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from libs.marketplaces.stockx.batch import BatchKind


class Kind(StrEnum):
    """What a command asks for."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"

    @property
    def batch(self) -> BatchKind:
        """The kind of batch that can carry it."""
        if self is Kind.CREATE:
            return BatchKind.CREATE
        return BatchKind.DELETE if self is Kind.DELETE else BatchKind.UPDATE


@dataclass(frozen=True, slots=True)
class Waiting:
    """A command that may be sent now: no earlier one about the same listing is unfinished.

    `pack`: in a batch of so many at most; `cluster`: the batch that made its listing. `age`: since it may be sent.
    """

    id: str
    kind: Kind
    age: float
    pack: int | None = None
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    """Something to ask StockX about: a listing with pending operations, or (`batch`) a batch. `due_in` may be past.

    `states`: the states of the batch's listings will tell that its items have ended.
    """

    name: str
    due_in: float
    batch: bool = False
    states: bool = False


@dataclass(frozen=True, slots=True)
class Stale:
    """A listing whose state must be read; `cluster`: the batch that made it."""

    listing_id: str
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Quotas:
    """What is left: requests until the end of the day, items of batches now, and when the items' window is over."""

    requests: int
    day_ends_in: float
    items: int
    items_free_in: float


@dataclass(frozen=True, slots=True)
class Situation:
    """An account's work. Everything that is `due_in` something not above zero may be done now."""

    quotas: Quotas
    waiting: Sequence[Waiting] = ()
    doubts_due_in: float | None = None
    polls: Sequence[Poll] = ()
    stale: Sequence[Stale] = ()
    looks: Sequence[str] = ()
    orders_due_in: float | None = None
    history_due_in: float | None = None
    sweep_due_in: float | None = None
    swept: bool = True
    wrote_last: bool = False
    doubted_last: bool = False


@dataclass(frozen=True, slots=True)
class SendOne:
    """Send one command by a call of its own."""

    id: str


@dataclass(frozen=True, slots=True)
class SendBatch:
    """Send these commands as one batch."""

    kind: BatchKind
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LookForDoubtful:
    """Find out what became of writes that were not answered."""


@dataclass(frozen=True, slots=True)
class PollListing:
    """Ask for a listing, which tells its last operation."""

    listing_id: str


@dataclass(frozen=True, slots=True)
class PollBatch:
    """Ask for a batch's items."""

    batch_no: str


@dataclass(frozen=True, slots=True)
class ReadStates:
    """Read the states of the listings of batches, all in one go: they tell that the items have ended."""

    batch_nos: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refresh:
    """Read the states of listings, in the pages that hold them."""

    listing_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LookAtOperations:
    """Ask for all operations of a listing that somebody else has changed."""

    listing_id: str


class Round(StrEnum):
    """What is done again and again, one page a call."""

    SWEEP = "sweep"
    ORDERS = "orders"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing may be done now, or nothing is to be done."""

    seconds: float


Write = SendOne | SendBatch
Call = Write | LookForDoubtful | PollListing | PollBatch | ReadStates | Refresh | LookAtOperations | Round
