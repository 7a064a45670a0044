"""aiokafka, pydantic, and one upsert per event: how such a projector begins its life in most teams."""

import asyncio

import asyncpg
from aiokafka import AIOKafkaConsumer

from bench.peers.projection import ProjectorSettings, row
from bench.projector.table import COLUMNS
from schemas.orders.order_changed import OrderChangedV2

UPSERT = f"""
INSERT INTO orders ({", ".join(COLUMNS)}) VALUES ({", ".join(f"${n}" for n in range(1, len(COLUMNS) + 1))})
ON CONFLICT (marketplace, order_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS[2:])}
WHERE orders.updated_at <= excluded.updated_at
"""  # noqa: S608 - columns, not input


async def project(settings: ProjectorSettings) -> None:
    """Read the topic to its present end."""
    database = await asyncpg.connect(settings.database_url)
    upsert = await database.prepare(UPSERT)
    consumer = AIOKafkaConsumer(
        settings.topic,
        bootstrap_servers=settings.bootstrap_servers,
        group_id=f"naive-{settings.database_url.rpartition('/')[2]}",
        auto_offset_reset="earliest",
    )
    watch = settings.stopwatch()
    await consumer.start()
    done = 0
    watch.start()
    async for record in consumer:
        await upsert.fetch(*row(OrderChangedV2.model_validate_json(record.value)))
        done += 1
        if done == settings.events:
            break
    settings.report(watch.stop())
    await consumer.stop()
    await database.close()


if __name__ == "__main__":
    asyncio.run(project(ProjectorSettings.from_environment()))
