"""The least that a rebuild must do, each part by itself: read the topic, decode the events, COPY the final rows.

Read: librdkafka, everything, from the beginning. Decode: msgspec, typed, the fields that the table needs, and the last
state of each order kept. COPY: the final rows as text into a table without indexes. The limit is the sum.
"""

import asyncio
from collections.abc import AsyncIterator
from itertools import islice

import asyncpg
import msgspec
from confluent_kafka import Consumer

from bench.kafka import read_batches
from bench.peers.projection import ProjectorSettings
from bench.projector.table import COLUMNS

_BATCH = 10_000


class Amount(msgspec.Struct, gc=False):
    amount: str
    currency: str


class Buyer(msgspec.Struct, gc=False):
    id: str


class Line(msgspec.Struct, gc=False):
    item_id: str


class Order(msgspec.Struct, gc=False):
    """The part of order.changed version 2 that the table needs."""

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


async def copy(url: str, orders: dict[str, Order]) -> None:
    """COPY … FROM STDIN in text format. The benchmark's values hold nothing that the format must escape."""
    connection = await asyncpg.connect(url)
    await connection.copy_to_table("orders", source=_text(orders), columns=COLUMNS)
    await connection.close()


async def _text(orders: dict[str, Order]) -> AsyncIterator[bytes]:
    rows = iter(orders.values())
    while chunk := list(islice(rows, 1000)):
        yield "".join(
            f"{one.marketplace}\t{one.order_id}\t{one.account}\t{one.status}\t{one.marketplace_status}\t{one.placed_at}\t"
            f"{one.updated_at}\t{one.total.amount}\t{one.total.currency}\t{one.buyer.id}\t{one.lines[0].item_id}\n"
            for one in chunk
        ).encode()


async def drop_index(url: str) -> None:
    """A rebuild copies first and indexes afterwards; the limit leaves the index out."""
    connection = await asyncpg.connect(url)
    await connection.execute("ALTER TABLE orders DROP CONSTRAINT orders_pkey")
    await connection.close()


def main() -> None:
    """The three parts, one after the other, each measured by itself."""
    settings = ProjectorSettings.from_environment()
    asyncio.run(drop_index(settings.database_url))
    whole, part = settings.stopwatch(), settings.stopwatch()
    figures: dict[str, float | None] = {}

    def measured(name: str) -> None:
        figures.update({f"{name}_{figure}": value for figure, value in part.stop().items()})
        part.start()

    whole.start()
    part.start()
    values = read(settings)
    measured("read")
    orders = fold(values)
    measured("decode")
    asyncio.run(copy(settings.database_url, orders))
    measured("copy")
    settings.report(whole.stop() | figures)


if __name__ == "__main__":
    main()
