"""From an order's fact to the last listing that is off: Kafka, consumer, PostgreSQL, queue, marketplaces."""

import asyncio
import random
from datetime import UTC, datetime
from decimal import Decimal
from time import perf_counter

from bench.interlock.marketplaces import CHANNELS, Marketplace, item
from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from schemas.channels import Channel
from schemas.orders.order_changed import Buyer, OrderChangedV2, OrderLine, OrderStatus
from schemas.values import Money

PER_SECOND = 5.0


async def chain(publisher: Publisher, shops: dict[Channel, Marketplace], products: range, seed: int) -> list[float]:
    """Seconds from the sending of each order to its last listing's end, at PER_SECOND orders."""
    chance = random.Random(seed)  # noqa: S311  (simulation)
    off = {product: asyncio.Event() for product in products}

    def went_off(item_id: str) -> None:
        product = int(item_id.rpartition("-")[2])
        if product in off and not any(item(one, product) in shop.on_sale for one, shop in shops.items()):
            off[product].set()

    for channel, shop in shops.items():
        shop.off = went_off
        shop.on_sale |= {item(channel, product) for product in products}

    async def one(product: int) -> float:
        channel = chance.choice(CHANNELS)
        shops[channel].buy(item(channel, product))
        began = perf_counter()
        await publisher.publish(Outgoing(_order(channel, product)))
        async with asyncio.timeout(60):
            await off[product].wait()
        return perf_counter() - began

    tasks = []
    for product in products:
        tasks.append(asyncio.create_task(one(product)))
        await asyncio.sleep(chance.expovariate(PER_SECOND))
    return list(await asyncio.gather(*tasks))


def _order(channel: Channel, product: int) -> OrderChangedV2:
    now, price = datetime.now(UTC), Money(amount=Decimal(100), currency="USD")
    line = OrderLine(item_id=item(channel, product), title="t", quantity=1, unit_price=price)
    return OrderChangedV2(
        marketplace=channel,
        account="bench",
        order_id=str(product),
        status=OrderStatus.PAID,
        marketplace_status="paid",
        placed_at=now,
        updated_at=now,
        total=price,
        lines=[line],
        buyer=Buyer(id=""),
    )
