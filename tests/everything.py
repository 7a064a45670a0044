"""Everything that is kept: every record of every declared topic, every row of every table."""

from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from schemas.topics import topics


async def in_topics(kafka: KafkaSettings) -> bytes:
    """Keys, values and headers of all records that anybody can read, dead letters and raw webhooks included."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    found: list[bytes] = []
    try:
        declared = topics().values()
        places = [TopicPartition(kafka.topic(one.name), part) for one in declared for part in range(one.partitions)]
        consumer.assign(places)
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        left = {place for place in places if begins[place] < ends[place]}
        for place in places:
            if place not in left:
                consumer.pause(place)
        while left:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for one in records:
                    found += [one.key or b"", one.value or b"", *(value or b"" for _, value in one.headers)]
            left = {place for place in left if await consumer.position(place) < ends[place]}
    finally:
        await consumer.stop()
    return b"\n".join(found)


async def in_tables(database: Database) -> str:
    """All rows of all tables of ours, as text."""
    async with database.connection() as connection:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        rows = [
            row["text"]
            for table in tables
            for row in await connection.fetch(f"SELECT one::text AS text FROM {table['name']} AS one")
        ]
    return "\n".join(rows)
