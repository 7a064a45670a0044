"""The least that a rebuild must do, each part by itself: read the topic, decode the events, COPY the final rows.

Read: librdkafka, everything, from the beginning. Decode: msgspec, typed, every field that the read model keeps, and the
last state of each order kept. COPY: sellstream's final rows, as PostgreSQL itself wrote them, from a file into its
table without indexes. The limit is the sum.
"""

import asyncio
import os
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


def read(settings: ProjectorSettings) -> list[bytes]:
    """Every value of the topic, and nothing done with it."""
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
    try:
        batches = read_batches(consumer, settings.topic, _BATCH)
        return [message.value() or b"" for batch in batches for message in batch]
    finally:
        consumer.close()


def fold(values: list[bytes]) -> dict[str, Order]:
    """The last state of each order."""
    decode = msgspec.json.Decoder(Order).decode
    last: dict[str, Order] = {}
    for value in values:
        order = decode(value)
        last[order.order_id] = order
    return last


async def copy(url: str, rows: Path) -> None:
    """COPY … FROM STDIN in text format, with nothing done to the text."""
    connection = await asyncpg.connect(url)
    await connection.copy_to_table("orders", schema_name="read_models", source=rows)
    await connection.close()


def main() -> None:
    """The three parts, one after the other, each measured by itself."""
    settings = ProjectorSettings.from_environment()
    rows = Path(os.environ["PEER_ROWS"])
    whole, part = settings.stopwatch(), settings.stopwatch()
    figures: dict[str, float | None] = {}

    def measured(name: str) -> None:
        figures.update({f"{name}_{figure}": value for figure, value in part.stop().items()})
        part.start()

    whole.start()
    part.start()
    values = read(settings)
    measured("read")
    fold(values)
    measured("decode")
    asyncio.run(copy(settings.database_url, rows))
    measured("copy")
    settings.report(whole.stop() | figures)


if __name__ == "__main__":
    main()
