"""What the demo proves at its end, each by comparing sellstream with the sandbox's own record of the truth."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_tail
from libs.db.pool import Database

_EVER = datetime.fromtimestamp(0, UTC)
_PAGE = 1000
_SHOWN = 3


@dataclass(frozen=True)
class Verdict:
    """One promise: whether it was kept, and the figures that show it."""

    promise: str
    kept: bool
    shown: str


@dataclass(frozen=True)
class Kind:
    """How one kind of entity is told by MercadoLibre's API and by our read model."""

    table: str
    id_column: str
    status_key: str = "status"


KINDS = (
    Kind("orders", "order_id"),
    Kind("shipments", "shipment_id"),
    Kind("payments", "payment_id"),
    Kind("questions", "question_id"),
)


async def webhooks_once(kafka: KafkaSettings, session: aiohttp.ClientSession) -> Verdict:
    """Every delivery that got a 2xx is in the topic exactly once, byte for byte."""
    in_topic: Counter[str] = Counter()
    async for record in read_tail(kafka, "webhooks", since=_EVER, most_per_partition=2**62):
        in_topic[hashlib.sha256(record.value or b"").hexdigest()] += 1
    # A duplicate is the same delivery sent again: together they are one record, whichever of them came first.
    bodies: dict[int, set[str]] = defaultdict(set)
    acknowledged: set[int] = set()
    async for sent in _pages(session, "/_sent", "deliveries"):
        original = sent["duplicate_of"] or sent["id"]
        bodies[original] |= {attempt["body_sha256"] for attempt in sent["attempts"]}
        if sent["delivered"]:
            acknowledged.add(original)
    counts = {original: sum(in_topic[body] for body in bodies[original]) for original in acknowledged}
    wrong = [original for original, count in counts.items() if count != 1]
    told = f"{len(acknowledged)} deliveries acknowledged, {len(acknowledged) - len(wrong)} in the topic exactly once"
    if wrong:
        told += f"; not so: deliveries {', '.join(map(str, wrong[:_SHOWN]))} of the sandbox's /_sent"
    return Verdict("a 2xx means: in the topic, once, byte for byte", not wrong and bool(acknowledged), told)


async def read_models_true(database: Database, session: aiohttp.ClientSession) -> list[Verdict]:
    """Each read model holds what the marketplace says, and nothing twice."""
    return [await _read_model_true(kind, database, session) for kind in KINDS]


async def _read_model_true(kind: Kind, database: Database, session: aiohttp.ClientSession) -> Verdict:
    truth = {
        str(entity["id"]): str(entity[kind.status_key]).lower()
        async for entity in _pages(session, f"/_world/{kind.table}", kind.table, marketplace="mercadolibre")
    }
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {kind.id_column} AS id, marketplace_status AS status FROM read_models.{kind.table} "  # noqa: S608  (names of ours)
            "WHERE marketplace = 'mercadolibre'"
        )
    ours = {row["id"]: row["status"].lower() for row in rows}
    wrong = sorted(key for key in truth.keys() | ours.keys() if truth.get(key) != ours.get(key))
    told = f"{len(truth)} at the marketplace, {len(rows)} rows, {len(truth) - len(wrong)} equal"
    if wrong:
        told += "; not so: " + ", ".join(f"{key} ({truth.get(key)} ≠ {ours.get(key)})" for key in wrong[:_SHOWN])
    return Verdict(f"{kind.table}: every one is a row, in its last state", not wrong and bool(truth), told)


async def _pages(
    session: aiohttp.ClientSession, path: str, name: str, **query: str
) -> AsyncIterator[Mapping[str, Any]]:
    offset = 0
    while True:
        asked = {**query, "offset": str(offset), "limit": str(_PAGE)}
        async with session.get(path, params=asked) as answer:
            answer.raise_for_status()
            found = (await answer.json())[name]
        for entity in found:
            yield entity
        if len(found) < _PAGE:
            return
        offset += _PAGE
