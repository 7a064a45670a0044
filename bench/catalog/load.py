"""The load: every entity is created, then changed; each client waits for its answer before its next request."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import aiohttp

from schemas.entity import Entity

Request = tuple[str, dict[str, Any]]

_CHANGED = {
    "unifiedProducts": "title",
    "buyOffers": "stockLevel",
    "sellListings": "reviewsCount",
    "productMatches": "confidence",
    "costRules": "feePercent",
    "opportunities": "daysToSell",
    "listingDrafts": "suggestedPriceUsd",
    "publishJobs": "lastError",
    "marketplaceOrders": "quantity",
    "shipments": "serviceLevel",
    "messageTickets": "suggestedReply",
    "procurementJobs": "reason",
}
"""A field that may change at any time."""
_KEPT = frozenset({"channel", "entity_type", "effective_from", "supplier_name", "carrier"})


@dataclass(frozen=True, slots=True)
class Found:
    """What a run took: milliseconds of each request, and seconds for all."""

    milliseconds: list[float]
    seconds: float

    @property
    def per_second(self) -> float:
        return len(self.milliseconds) / self.seconds

    def percentile(self, share: float) -> float:
        """Of the answers' times in milliseconds."""
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def creates(entity: Entity, begin: int, count: int, batch: int = 1) -> list[Request]:
    """Requests that create rows `begin` to `begin + count`, so many in each; all differ in their unique fields."""
    rows = [_row(entity, number) for number in range(begin, begin + count)]
    return [(entity.collection, {entity.collection: rows[at : at + batch]}) for at in range(0, len(rows), batch)]


def changes(entity: Entity, numbers: Sequence[int]) -> list[Request]:
    """Requests that change one field of each row."""
    told, field = entity.told(entity.id_field), _CHANGED[entity.collection]
    value = entity.example[field] or "none"
    return [(entity.collection, {entity.collection: [{told: one, field: value, "action": "2"}]}) for one in numbers]


async def send(base: str, requests: Sequence[Request], clients: int) -> Found:
    """Send all, by so many clients. Raises RuntimeError for an answer that is no success."""
    waiting = iter(requests)
    taken: list[float] = []

    async def client(session: aiohttp.ClientSession) -> None:
        for collection, body in waiting:
            began = perf_counter()
            async with session.post(f"{base}/{collection}", json=body) as answer:
                text = await answer.text()
                if answer.status != 200:
                    raise RuntimeError(f"{collection}: {answer.status} {text[:300]}")
            taken.append((perf_counter() - began) * 1000)

    async with aiohttp.ClientSession() as session:
        began = perf_counter()
        await asyncio.gather(*(client(session) for _ in range(clients)))
        return Found(taken, perf_counter() - began)


def _row(entity: Entity, number: int) -> dict[str, Any]:
    """The documented example, unlike all others; references lead to the row with the same number."""
    row: dict[str, Any] = {}
    for name in entity.fields:
        told = entity.told(name)
        value = entity.example.get(told)
        if isinstance(value, str) and value.startswith("{"):
            value = {"color": "black"}
        if isinstance(value, str) and value[:2] == "20" and value[10:11] == "T":
            value += "Z"
        row[told] = value
    for reference in entity.references:
        row[entity.told(reference.field)] = number
    referring = {one.field for one in entity.references}
    for name in {name for fields in entity.unique for name in fields} - referring - _KEPT:
        row[entity.told(name)] = f"{row[entity.told(name)]}-{number}"
    return {name: value for name, value in row.items() if value is not None} | {"action": "1"}
