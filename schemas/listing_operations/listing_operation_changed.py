"""listing_operation.changed: what a marketplace does with a listing, asynchronously, as it stands now."""

from enum import StrEnum

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import Json, Money, UtcTime


class OperationStatus(StrEnum):
    """STARTED: the marketplace works on it. GIVEN_UP: it did not end in time, and nobody looks any more."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    GIVEN_UP = "given_up"


class OperationKind(StrEnum):
    """What is done with the listing; the marketplace's own word stands beside it in `marketplace_kind`."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    OTHER = "other"


class Initiator(StrEnum):
    """COMMAND: this program, asked by a user of ours. SELLER: the seller, by other ways. SYSTEM: the marketplace."""

    COMMAND = "command"
    SELLER = "seller"
    SYSTEM = "system"


class ListingOperationChangedV1(Fact):
    """An operation on a listing has started, succeeded, failed or was given up; this is all of it.

    Trigger: the marketplace accepted a change of a listing, or a poll told what became of it.
    Key: `{marketplace}:{id}`. `id` is the id of the command that led to it, else the marketplace's own. `updated_at` is
    when this was learned, by our clock: an operation in a batch has no times of its own. `listing_id` may be unknown
    until a creation has ended.
    """

    marketplace: str
    account: str
    id: str
    status: OperationStatus
    marketplace_status: str
    kind: OperationKind
    marketplace_kind: str
    initiated_by: Initiator
    initiated_via: str | None = None
    requested_by: str | None = Field(default=None, description="Our user who asked for it")
    operation_id: str | None = Field(default=None, description="The marketplace's id; items of batches have none")
    batch_id: str | None = Field(default=None, description="The marketplace's batch that it is a part of")
    listing_id: str | None = None
    variant_id: str | None = None
    price: Money | None = Field(default=None, description="The price that was asked for, if any")
    error: str | None = Field(default=None, description="Why it failed or was given up, in the marketplace's words")
    started_at: UtcTime
    ended_at: UtcTime | None = None
    updated_at: UtcTime
    raw: Json = Field(default_factory=dict)

    def key(self) -> str:
        return f"{self.marketplace}:{self.id}"


EVENT = EventFamily("listing_operation.changed", topic="listing_operations", versions={1: ListingOperationChangedV1})
