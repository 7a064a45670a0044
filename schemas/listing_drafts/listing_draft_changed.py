"""listing_draft.changed: a listing before it is published."""

from enum import StrEnum

from pydantic import Field

from schemas.channels import Channel
from schemas.entity import NOT_NEGATIVE, Entity, EntityFact, Reference, Workflow
from schemas.values import DecimalString, Json, UtcTime


class DraftStatus(StrEnum):
    """How far a draft is."""

    DRAFT = "draft"
    APPROVED = "approved"
    REJECTED = "rejected"
    PUBLISHED = "published"


class ListingDraftChangedV1(EntityFact):
    """A draft was written, changed, judged, published or deleted; this is all of it.

    Trigger: POST /listingDrafts. Key: `{listing_draft_id}`. `payload_json` has the marketplace's own shape.
    """

    listing_draft_id: int
    unified_product_id: int = Field(description="Linked unified product")
    channel: Channel = Field(description="Marketplace")
    market: str = Field(description="Country code")
    payload_json: Json = Field(description="Marketplace-specific listing payload")
    suggested_price_usd: DecimalString = Field(description="Recommended selling price")
    min_price_usd: DecimalString = Field(description="Minimum acceptable price")
    max_price_usd: DecimalString = Field(description="Maximum price limit")
    status: DraftStatus = Field(description='"draft", "approved", "rejected", "published"')
    approved_by: str | None = Field(default=None, description="User who approved")
    approved_at: UtcTime | None = Field(default=None, description="Approval timestamp")
    error_message: str | None = Field(default=None, description="Error if publishing failed")

    def key(self) -> str:
        return str(self.listing_draft_id)


def _check(fact: ListingDraftChangedV1) -> None:
    if not fact.min_price_usd <= fact.suggested_price_usd <= fact.max_price_usd:
        raise ValueError(
            f"suggestedPriceUsd {fact.suggested_price_usd} is not between minPriceUsd {fact.min_price_usd} "
            f"and maxPriceUsd {fact.max_price_usd}"
        )


ENTITY = Entity(
    "listingDrafts",
    noun="listing_draft",
    topic="listing_drafts",
    fact=ListingDraftChangedV1,
    producers=("catalog", "publisher"),
    consumers=("projector", "publisher"),
    summary="Listings before they are published: drafted, judged, published",
    id_aliases=("draftId",),
    references=(Reference("unified_product_id", "unifiedProducts"),),
    workflow=Workflow(
        "status",
        starts=("draft",),
        steps={
            "draft": ("approved", "rejected"),
            "approved": ("published", "rejected", "draft"),
            "rejected": ("draft",),
            "published": (),
        },
    ),
    bounds={
        "suggested_price_usd": NOT_NEGATIVE,
        "min_price_usd": NOT_NEGATIVE,
        "max_price_usd": NOT_NEGATIVE,
    },
    check=_check,
    example={
        "unifiedProductId": 1,
        "channel": "amazon",
        "market": "US",
        "payloadJson": {
            "title": "Apple iPhone 15 128GB",
            "condition": "new",
            "quantity": 1,
            "brand": "Apple",
            "model": "A2890",
            "images": ["https://example.com/img1.jpg"],
        },
        "suggestedPriceUsd": 799.99,
        "minPriceUsd": 749.99,
        "maxPriceUsd": 849.99,
        "status": "draft",
        "approvedBy": None,
        "approvedAt": None,
        "errorMessage": None,
        "action": "1",
    },
)
EVENT = ENTITY.event
