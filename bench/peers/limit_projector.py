"""The least that a rebuild must do: read the topic, decode the events, COPY the final rows.

Read: librdkafka, everything, from the beginning. Decode: msgspec, typed, every field that a fact has, and the last
state of each order kept; a batch is decoded as soon as it is read, while it is in the processor's cache. COPY: the
final rows of sellstream's rebuild, as PostgreSQL itself wrote them, from a file into its table without indexes. The
limit is the sum. No garbage is collected: there are no circles, and looking for them among so many objects would take
seconds.
"""

import asyncio
import gc
import os
import time
from pathlib import Path

import asyncpg
import msgspec
from confluent_kafka import Consumer

from bench.kafka import read_batches
from bench.peers.projection import ProjectorSettings

_BATCH = 10_000


class Amount(msgspec.Struct, gc=False):
    amount: str
    currency: str


class Buyer(msgspec.Struct, gc=False):
    id: str
    nickname: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class Line(msgspec.Struct, gc=False):
    item_id: str
    title: str
    quantity: int
    unit_price: Amount
    variation_id: str | None = None
    sku: str | None = None
    sale_fee: Amount | None = None


class Order(msgspec.Struct, gc=False):
    """order.changed version 2 but for `raw`; amounts and times stay text, as COPY takes them."""

    marketplace: str
    order_id: str
    account: str
    status: str
    marketplace_status: str
    placed_at: str
    updated_at: str
    total: Amount
    buyer: Buyer
    lines: list[Line]
    payment_ids: list[str]
    tags: list[str]
    pack_id: str | None = None
    closed_at: str | None = None
    paid: Amount | None = None
    shipment_id: str | None = None


def read_and_fold(settings: ProjectorSettings) -> tuple[dict[str, Order], float]:
    """The last state of each order, and the CPU time that decoding took."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "group.id": "sellstream-bench-limit",
            "enable.auto.commit": False,
            "fetch.min.bytes": 1_000_000,
            "fetch.wait.max.ms": 50,
            "max.partition.fetch.bytes": 16_000_000,
            "queued.max.messages.kbytes": 262_144,
        }
    )
    decode = msgspec.json.Decoder(Order).decode
    last: dict[str, Order] = {}
    decoding = 0.0
    try:
        for batch in read_batches(consumer, settings.topic, _BATCH):
            values = [message.value() or b"" for message in batch]
            begun = time.thread_time()
            for value in values:
                order = decode(value)
                last[order.order_id] = order
            decoding += time.thread_time() - begun
    finally:
        consumer.close()
    return last, decoding


async def copy(url: str, rows: Path) -> None:
    """COPY … FROM STDIN in text format, with nothing done to the text."""
    connection = await asyncpg.connect(url)
    await connection.copy_to_table("flat_orders", schema_name="read_models", source=rows)
    await connection.close()


def main() -> None:
    """Measure: reading and decoding together, told apart by the decoding thread's own time; then COPY."""
    gc.disable()
    settings = ProjectorSettings.from_environment()
    rows = Path(os.environ["PEER_ROWS"])
    whole, part = settings.stopwatch(), settings.stopwatch()
    whole.start()
    part.start()
    _, decoding = read_and_fold(settings)
    figures = {f"read_{figure}": value for figure, value in part.stop().items()}
    both = figures["read_process_cpu_s"] or 0.0
    # Reading takes no PostgreSQL: what it spends then is left over from others.
    others = figures.pop("read_postgres_cpu_s") or 0.0
    figures |= {"read_process_cpu_s": both - decoding, "decode_process_cpu_s": decoding}
    figures |= {"read_postgres_cpu_s": 0.0, "decode_postgres_cpu_s": 0.0}
    part.start()
    asyncio.run(copy(settings.database_url, rows))
    figures |= {f"copy_{figure}": value for figure, value in part.stop().items()}
    spent = whole.stop()
    spent["postgres_cpu_s"] = (spent["postgres_cpu_s"] or 0.0) - others
    settings.report(spent | figures)


if __name__ == "__main__":
    main()
