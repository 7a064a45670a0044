"""Over HTTP, from every state to every state: a documented step is taken, every other refused with the allowed."""

from collections import deque
from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import pytest

from libs.bus.settings import KafkaSettings
from schemas.entities import BY_COLLECTION, ENTITIES
from schemas.entity import Workflow
from tests.integration.running_catalog import Catalog, catalog, example

TOPICS = tuple(entity.topic for entity in ENTITIES)

STATES = {
    "marketplaceOrders": "ORDER_NEW ORDER_CONFIRMED ORDER_PROCESSING ORDER_SHIPPED ORDER_DELIVERED ORDER_CANCELLED "
    "ORDER_RETURNED ORDER_REFUNDED",
    "shipments": "LABEL_CREATED PICKED_UP IN_TRANSIT OUT_FOR_DELIVERY DELIVERED DELIVERY_FAILED RETURNED_TO_SENDER "
    "EXCEPTION",
    "listingDrafts": "draft approved rejected published",
    "publishJobs": "queued processing completed failed retrying",
    "messageTickets": "pending responded resolved escalated closed",
    "procurementJobs": "pending approved rejected ordered received",
}
"""As the document lists them."""

PUBLISHING = {
    ("queued", "processing"),
    ("processing", "completed"),
    ("processing", "failed"),
    ("failed", "retrying"),
    ("retrying", "processing"),
}
"""The document's diagram."""

VARIED = {
    "marketplaceOrders": "channelOrderId",
    "shipments": "trackingNumber",
    "messageTickets": "threadId",
    "procurementJobs": "supplierCandidate",
}
"""What tells rows of one example apart."""


@pytest.fixture
async def api(database_url: str, kafka: KafkaSettings) -> AsyncIterator[Catalog]:
    async with catalog(database_url, kafka) as running:
        await running.create("unifiedProducts")
        await running.create("marketplaceOrders")
        yield running


def workflow_of(collection: str) -> Workflow:
    found = BY_COLLECTION[collection].workflow
    assert found is not None
    return found


def way_to(workflow: Workflow, state: str) -> list[str]:
    """The states from the start of a row up to this one, by documented steps."""
    waiting = deque([[str(workflow.starts[0])]])
    while waiting:
        path = waiting.popleft()
        if path[-1] == state:
            return path
        waiting += [[*path, step] for step in workflow.steps[path[-1]] if step not in path]
    raise AssertionError(f"nothing leads to {state}")


async def rows_in(api: Catalog, collection: str, states: list[str], batch: str) -> list[int]:
    """A row of its own in each of these states, taken there step by step; their numbers."""
    workflow = workflow_of(collection)
    field = BY_COLLECTION[collection].told(workflow.field)
    ways = [way_to(workflow, state) for state in states]
    changes: list[dict[str, Any]] = [{} for _ in ways]
    if collection == "publishJobs":  # one for each draft
        drafts = (await api.post("listingDrafts", *[example("listingDrafts") for _ in ways])).values
        changes = [{"draftId": int(draft)} for draft in drafts]
    elif collection in VARIED:
        changes = [{VARIED[collection]: f"{batch} {number}"} for number in range(len(ways))]
    made = [example(collection) | change | {field: way[0]} for change, way in zip(changes, ways, strict=True)]
    numbers = [int(value) for value in (await api.post(collection, *made)).values]
    for depth in range(1, max(map(len, ways))):
        steps = [(number, way[depth]) for number, way in zip(numbers, ways, strict=True) if depth < len(way)]
        moved = await api.post(collection, *({"action": 2, "id": number, field: state} for number, state in steps))
        assert moved.values == [str(number) for number, _ in steps]
    return numbers


@pytest.mark.parametrize("collection", STATES)
async def test_every_documented_step_is_taken_and_every_other_refused(api: Catalog, collection: str) -> None:
    workflow = workflow_of(collection)
    field = BY_COLLECTION[collection].told(workflow.field)
    states = STATES[collection].split()
    assert set(states) == set(workflow.steps)
    pairs = [(old, new) for old, new in product(states, states) if old != new]
    allowed = [(old, new) for old, new in pairs if new in workflow.steps[old]]
    if collection == "publishJobs":
        assert set(allowed) == PUBLISHING

    begun = await rows_in(api, collection, [old for old, _ in allowed], "to move")
    steps = [{"action": 2, "id": number, field: new} for number, (_, new) in zip(begun, allowed, strict=True)]
    assert (await api.post(collection, *steps)).values == [str(number) for number in begun]

    standing = dict(zip(states, await rows_in(api, collection, states, "to stay"), strict=True))
    for old, new in pairs:
        if new in workflow.steps[old]:
            continue
        refused = await api.post(collection, {"action": 2, "id": standing[old], field: new})
        named = ", ".join(workflow.steps[old]) or "nothing, it is the end"
        assert (refused.status, refused.error) == (
            400,
            f"{collection}[0]: {field}: '{old}' cannot become '{new}'; allowed: {named}",
        )
        assert (await api.get(f"/{collection}/{standing[old]}")).json[field] == old

    for state in set(states) - {str(one) for one in workflow.starts}:
        refused = await api.post(collection, example(collection) | {field: state})
        named = ", ".join(workflow.starts)
        assert (refused.status, refused.error) == (
            400,
            f"{collection}[0]: {field}: a new row cannot be '{state}'; allowed: {named}",
        )
