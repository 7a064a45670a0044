"""What every entity of the catalog must keep to; a new one is found by its file (schemas/entities.py)."""

import json
from typing import Any

import pytest

from libs.http.answer import exact_json
from schemas.check import drift
from schemas.entities import BY_COLLECTION, ENTITIES
from schemas.entity import Entity
from schemas.entity_documents import documents
from schemas.topics import FOLDER
from services.catalog.requests import request_model

each_entity = pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.collection)

DOCUMENTED = {
    "unifiedProducts": "unifiedProductId brand model title ean_upc attributesJson",
    "buyOffers": "buyOfferId supplierName productUrl buyCostUsd stockLevel leadTimeDays minQuantity maxQuantity "
    "currency isActive",
    "sellListings": "sellListingId channel market channelItemId title sellPriceOriginal currencyOriginal sellPriceUsd "
    "fxRateToUsd fxAsOfDate fulfillmentType shippingTimeDays rating reviewsCount listingTimestamp unifiedProductId",
    "productMatches": "unifiedProductId entityType entityId confidence matchMethod",
    "costRules": "channel market category feePercent fixedFeeUsd adsPercent returnsRate avgReturnCostUsd "
    "packagingCostUsd otherCostUsd effectiveFrom effectiveTo",
    "opportunities": "unifiedProductId channel market buyCostUsd sellPriceUsd estimatedProfitUsd roiPercent "
    "marginPercent daysToSell competitorCount avgCompetitorPriceUsd priceStrategy",
    "listingDrafts": "unifiedProductId channel market payloadJson suggestedPriceUsd minPriceUsd maxPriceUsd status "
    "approvedBy approvedAt errorMessage",
    "publishJobs": "draftId status attempts nextRetryAt lastError",
    "marketplaceOrders": "channel market channelOrderId unifiedProductId quantity soldPriceUsd buyerAddressJson status",
    "shipments": "marketplaceOrderId carrier serviceLevel labelRef trackingNumber status shippedAt deliveredAt "
    "lastError",
    "messageTickets": "channel market threadId marketplaceOrderId customerMessage suggestedReply finalReply status",
    "procurementJobs": "marketplaceOrderId supplierCandidate maxBuyCostUsd decision reason",
}
"""The fields that the document's tables list, besides `action`."""

OPTIONAL = {
    "unifiedProducts": "attributesJson",
    "buyOffers": "stockLevel leadTimeDays minQuantity maxQuantity currency isActive",
    "sellListings": "fulfillmentType shippingTimeDays rating reviewsCount",
    "costRules": "effectiveTo",
    "opportunities": "daysToSell competitorCount avgCompetitorPriceUsd priceStrategy",
    "listingDrafts": "approvedBy approvedAt errorMessage",
    "publishJobs": "attempts nextRetryAt lastError",
    "shipments": "shippedAt deliveredAt lastError",
    "messageTickets": "suggestedReply finalReply",
}


def schema(entity: Entity, operation: str) -> dict[str, Any]:
    """The JSON Schema of an operation, as the API's description tells it."""
    definitions = request_model(entity).model_json_schema()["$defs"]
    (name,) = (name for name in definitions if name.startswith(operation))
    found: dict[str, Any] = definitions[name]
    return found


@pytest.mark.parametrize("collection", DOCUMENTED)
def test_it_has_the_documented_fields_and_requires_the_documented_ones(collection: str) -> None:
    entity = BY_COLLECTION[collection]
    fields = set(DOCUMENTED[collection].split())
    id_field = entity.told(entity.id_field)
    create = schema(entity, "Create")
    assert set(create["properties"]) == fields | {"action", id_field}
    assert set(create["required"]) == fields - {id_field} - set(OPTIONAL.get(collection, "").split()) | {"action"}
    update = schema(entity, "Update")
    assert set(update["properties"]) == set(create["properties"])
    assert update["required"] == ["action"]


@each_entity
def test_the_documented_example_is_a_valid_request(entity: Entity) -> None:
    assert set(entity.example) - {entity.told(entity.id_field), "action"} == {*map(entity.told, entity.fields)}
    for action in ("1", 1):
        body = json.dumps({entity.collection: [{**entity.example, "action": action}]})
        (operation,) = request_model(entity).model_validate(exact_json(body.encode())).operations
        assert operation.action == "1"
        assert set(operation.given()) == set(entity.fields)


@each_entity
def test_its_topic_and_examples_are_what_its_declaration_says(entity: Entity) -> None:
    assert [
        problem for file, content in documents(entity, FOLDER).items() for problem in drift(file, content, FOLDER)
    ] == []


@each_entity
def test_its_references_lead_to_entities(entity: Entity) -> None:
    for reference in entity.references:
        assert set(reference.collections) <= BY_COLLECTION.keys()
        assert (reference.by is None) == isinstance(reference.to, str)


@each_entity
def test_every_state_of_its_workflow_is_one_of_the_field_s_and_can_be_reached(entity: Entity) -> None:
    workflow = entity.workflow
    if workflow is None:
        return
    states = {str(state) for state in entity.fact.model_fields[workflow.field].annotation}  # type: ignore[union-attr]  # an enum
    assert states == workflow.steps.keys()
    reached, waiting = set(), list(workflow.starts)
    while waiting:
        state = waiting.pop()
        if state not in reached:
            reached.add(str(state))
            waiting += workflow.steps[state]
    assert reached == states
