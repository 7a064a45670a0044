"""product_match.changed: an auditable link between a product and an offer or a listing."""

from enum import StrEnum

from pydantic import Field

from schemas.entity import RATE, Entity, EntityFact, Reference
from schemas.values import DecimalString


class MatchedEntity(StrEnum):
    """What a product is matched with: a buy offer or a sell listing."""

    BUY = "buy"
    SELL = "sell"


class ProductMatchChangedV1(EntityFact):
    """A match was made, changed or deleted; this is all of it.

    Trigger: POST /productMatches. Key: `{product_match_id}`. Confidence: from 0.95 high, from 0.80 good, from 0.60
    moderate (verify manually), below that low (requires review).
    """

    product_match_id: int
    unified_product_id: int = Field(description="ID from unifiedProducts table")
    entity_type: MatchedEntity = Field(description='"buy" (buy offer) or "sell" (listing)')
    entity_id: int = Field(description="ID of the matched entity")
    confidence: DecimalString = Field(description="Match confidence score (0-1)")
    match_method: str = Field(description='Method used: "embedding", "manual", "barcode", etc.')

    def key(self) -> str:
        return str(self.product_match_id)


ENTITY = Entity(
    "productMatches",
    noun="product_match",
    topic="product_matches",
    fact=ProductMatchChangedV1,
    producers=("catalog", "matcher", "publisher"),
    consumers=("projector", "order_desk", "pricing", "interlock"),
    summary="Auditable matches between products and offers or listings",
    unique=(("unified_product_id", "entity_type", "entity_id"),),
    references=(
        Reference("unified_product_id", "unifiedProducts"),
        Reference("entity_id", {"buy": "buyOffers", "sell": "sellListings"}, by="entity_type"),
    ),
    bounds={"confidence": RATE},
    example={
        "unifiedProductId": 1,
        "entityType": "buy",
        "entityId": 10,
        "confidence": 0.9450,
        "matchMethod": "embedding",
        "action": "1",
    },
)
EVENT = ENTITY.event
