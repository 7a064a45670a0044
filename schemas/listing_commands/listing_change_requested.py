"""listing_change.requested: somebody wants a listing to be created, changed or deleted at its marketplace."""

from enum import StrEnum

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import Money, UtcTime


class ListingChange(StrEnum):
    """What is wanted."""

    CREATE = "create"
    UPDATE = "update"
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    DELETE = "delete"


class ListingChangeRequestedV1(Fact):
    """A change of a listing that a service or a person wants; the marketplace's service carries it out.

    Trigger: a decision to sell, to reprice or to take off. Key: `{marketplace}:{listing_id}`, so that changes of one
    listing are carried out in their order; of a creation `{marketplace}:{id}`. `id` is made by whoever asks, a new one
    for each change: under the same one it is carried out once, and it is the `id` of the listing operation that tells
    what became of it. What is not given stays as it is, or is the marketplace's default.
    """

    marketplace: str
    account: str
    id: str = Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9-]+$")
    requested_by: str = Field(min_length=1, max_length=64, description="The service or the user who asks")
    kind: ListingChange
    listing_id: str | None = Field(default=None, description="Which one; none for a creation")
    variant_id: str | None = Field(default=None, description="Of what; for a creation only")
    price: Money | None = Field(default=None, description="The ask; needed for a creation")
    expires_at: UtcTime | None = None
    active: bool = Field(default=True, description="Whether a creation is to be on the market at once")
    inventory_type: str | None = Field(default=None, description="The marketplace's word, for a creation")
    requested_at: UtcTime

    def key(self) -> str:
        return f"{self.marketplace}:{self.listing_id or self.id}"


EVENT = EventFamily("listing_change.requested", topic="listing_commands", versions={1: ListingChangeRequestedV1})
