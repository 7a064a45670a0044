"""A Faust agent that takes events in batches and upserts each batch with one statement."""

import asyncpg
import faust
from faust.types import StreamT

from bench.peers.projection import ProjectorSettings, row
from bench.projector.table import COLUMNS
from schemas.orders.order_changed import OrderChangedV2

BATCH = 1000
WITHIN_SECONDS = 0.2
_TYPES = ("text",) * 5 + ("timestamptz",) * 2 + ("numeric",) + ("text",) * 3
UPSERT = f"""
INSERT INTO orders ({", ".join(COLUMNS)})
SELECT * FROM unnest({", ".join(f"${n}::{kind}[]" for n, kind in enumerate(_TYPES, 1))})
ON CONFLICT (marketplace, order_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS[2:])}
WHERE orders.updated_at <= excluded.updated_at
"""  # noqa: S608 - columns, not input

settings = ProjectorSettings.from_environment()
watch = settings.stopwatch()
_name = settings.database_url.rpartition("/")[2]
app = faust.App(
    _name,
    broker=f"kafka://{settings.bootstrap_servers}",
    store="memory://",
    datadir=str(settings.result.parent / f"{_name}-faust"),
    topic_disable_leader=True,
    topic_allow_declare=False,
    consumer_auto_offset_reset="earliest",
    web_enabled=False,
    stream_buffer_maxsize=16_384,
    broker_max_poll_records=5_000,
)
topic = app.topic(settings.topic, value_serializer="raw", value_type=bytes, key_serializer="raw", key_type=bytes)
_begun = False


@app.on_rebalance_complete.connect
async def begin(*_: object, **__: object) -> None:
    """The clock starts when Faust begins to fetch: joining the group takes it seconds, prefetching is work."""
    global _begun  # noqa: PLW0603 - one agent, one clock
    if not _begun:
        _begun = True
        watch.start()


@app.agent(topic)
async def project(stream: StreamT[bytes]) -> None:
    """Upsert batch after batch; the last state of an order within a batch wins."""
    database = await asyncpg.connect(settings.database_url)
    done = 0
    async for batch in stream.take(BATCH, within=WITHIN_SECONDS):
        orders = [OrderChangedV2.model_validate_json(value) for value in batch]
        last = {order.order_id: row(order) for order in orders}
        await database.execute(UPSERT, *map(list, zip(*last.values(), strict=True)))
        done += len(batch)
        if done == settings.events:
            settings.report(watch.stop())
            await database.close()


if __name__ == "__main__":
    faust.Worker(app, loglevel="WARNING", quiet=True).execute_from_commandline()
