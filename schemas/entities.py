"""Every entity of the catalog, one line each. The services' routes, read models and events follow from it."""

from schemas.buy_offers import buy_offer_changed
from schemas.cost_rules import cost_rule_changed
from schemas.entity import Entity
from schemas.listing_drafts import listing_draft_changed
from schemas.marketplace_orders import marketplace_order_changed
from schemas.marketplace_shipments import marketplace_shipment_changed
from schemas.message_tickets import message_ticket_changed
from schemas.opportunities import opportunity_changed
from schemas.procurement_jobs import procurement_job_changed
from schemas.product_matches import product_match_changed
from schemas.publish_jobs import publish_job_changed
from schemas.sell_listings import sell_listing_changed
from schemas.unified_products import unified_product_changed

ENTITIES: tuple[Entity, ...] = (
    unified_product_changed.ENTITY,
    buy_offer_changed.ENTITY,
    sell_listing_changed.ENTITY,
    product_match_changed.ENTITY,
    cost_rule_changed.ENTITY,
    opportunity_changed.ENTITY,
    listing_draft_changed.ENTITY,
    publish_job_changed.ENTITY,
    marketplace_order_changed.ENTITY,
    marketplace_shipment_changed.ENTITY,
    message_ticket_changed.ENTITY,
    procurement_job_changed.ENTITY,
)

BY_COLLECTION = {entity.collection: entity for entity in ENTITIES}
BY_FACT = {entity.fact: entity for entity in ENTITIES}


def referring_to(entity: Entity) -> tuple[Entity, ...]:
    """The entities whose rows can hold this one's number."""
    return tuple(
        other for other in ENTITIES if any(entity.collection in reference.collections for reference in other.references)
    )
