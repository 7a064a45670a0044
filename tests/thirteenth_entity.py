"""A process that finds a thirteenth entity in its tree, and uses it: `python -m tests.thirteenth_entity`.

It prints, as one line of JSON, what the entity's one file has led to. KAFKA_TOPIC_PREFIX and DATABASE_URL are a test's.
"""

import asyncio
import json
import os
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient

from libs.bus.settings import KafkaSettings
from libs.bus.topics import apply_topics
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.read_models import READ_MODELS
from schemas.registry import EVENTS
from schemas.topics import topics
from tests.e2e.checks import records
from tests.integration.running_catalog import catalog

MADE = "warehouses"


async def used(kafka: KafkaSettings, url: str) -> dict[str, Any]:
    """What it answers, and where it stands."""
    await apply_topics(kafka.bootstrap_servers, topics().values(), prefix=kafka.topic_prefix)
    async with Database(url, application="thirteenth") as database:
        await migrate(database)
        async with catalog(url, kafka, patience=30) as api:
            product = await api.create("unifiedProducts")
            row = {"code": "W-1", "unifiedProductId": product, "capacity": 5, "status": "open", "action": "1"}
            created = await api.post(MADE, row)
            moved = await api.post(MADE, {"action": 2, "id": 1, "status": "closed"})
            answers = {
                "created": created.json,
                "again": (await api.post(MADE, row)).error,
                "incomplete": (await api.post(MADE, {"action": "1", "code": "W-2"})).error,
                "unbounded": (await api.post(MADE, {**row, "code": "W-3", "capacity": -1})).error,
                "unreferenced": (await api.post(MADE, {**row, "code": "W-4", "unifiedProductId": 99})).error,
                "moved": moved.json,
                "impossible": (await api.post(MADE, {"action": 2, "id": 1, "status": "open"})).error,
                "read": (await api.get(f"/{MADE}/1")).json,
                "listed": [one["code"] for one in (await api.get(f"/{MADE}", status="closed")).json[MADE]],
                "openapi": (await api.get("/openapi.json")).json["paths"][f"/{MADE}"]["post"]["summary"],
            }
        async with database.connection() as connection:
            table = await connection.fetchrow(f"SELECT code, status, capacity FROM read_models.{MADE}")
        facts = [json.loads(record.value) for record in await records(kafka, MADE)]
    return {
        **answers,
        "table": dict(table or {}),
        "facts": [fact["status"] for fact in facts],
        "event": next(event.name for event in EVENTS if event.topic == MADE),
        "read_model": READ_MODELS[MADE].name,
        "consumers": topics()[MADE].consumers,
    }


async def main() -> None:
    settings = KafkaSettings()
    try:
        found = await used(settings, os.environ["DATABASE_URL"])
    finally:
        await _tidy(settings)
    print(json.dumps(found))


async def _tidy(settings: KafkaSettings) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_topics([settings.topic(MADE)])
    finally:
        await admin.close()


if __name__ == "__main__":
    asyncio.run(main())
