"""unified_product.changed: a product of the catalog, the one source of truth for it across all marketplaces."""

from pydantic import Field

from schemas.entity import Entity, EntityFact
from schemas.values import Json


class UnifiedProductChangedV1(EntityFact):
    """A product was created, changed or deleted; this is all of it.

    Trigger: POST /unifiedProducts. Key: `{unified_product_id}`.
    """

    unified_product_id: int
    brand: str = Field(description="Product brand manufacturer")
    model: str = Field(description="Model number/SKU")
    title: str = Field(description="Product display name")
    ean_upc: str = Field(description="Barcode identifier")
    attributes_json: Json = Field(
        default_factory=dict, description="JSON object with product attributes (color, size, etc.)"
    )

    def key(self) -> str:
        return str(self.unified_product_id)


ENTITY = Entity(
    "unifiedProducts",
    noun="unified_product",
    topic="unified_products",
    fact=UnifiedProductChangedV1,
    consumers=("projector", "pricing", "matcher", "interlock"),
    summary="The product catalog: the single source of truth for all products across marketplaces",
    unique=(("ean_upc",),),
    names={"ean_upc": "ean_upc"},
    example={
        "unifiedProductId": 1,
        "brand": "Apple",
        "model": "A2890",
        "title": "iPhone 15",
        "ean_upc": "1234567890123",
        "attributesJson": '{"color":"black"}',
        "action": "1",
    },
)
EVENT = ENTITY.event
