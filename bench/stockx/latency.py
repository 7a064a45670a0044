"""How soon an operation's end is known, and for how many calls: ours, and polling each operation every N seconds."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median, quantiles

from bench.stockx.fleet import Fleet
from bench.stockx.naive import Naive
from bench.stockx.scale import Scale
from bench.stockx.shop import Shop
from bench.stockx.world import World
from libs.bus.tail import read_tail
from schemas.envelope import Envelope
from schemas.listing_operations.listing_operation_changed import ListingOperationChangedV1, OperationStatus
from schemas.registry import read_fact

_SAMPLES = 5
_ENDED = "SELECT count(*) FROM stockx_poller.operations WHERE ended_at IS NOT NULL"
_OUTBOX = "SELECT count(*) FROM stockx_poller.outbox"
_SWEPT = "SELECT count(*) FROM stockx_poller.accounts WHERE swept_at IS NOT NULL AND history_at > now()"


class LatencyFailed(Exception):
    """Not every operation became known; the text says how many."""


@dataclass(frozen=True, slots=True)
class Load:
    """`operations` creations, one every `every` seconds of StockX's time; 0: all at once."""

    name: str
    operations: int
    every: float


@dataclass(frozen=True, slots=True)
class Figure:
    """What a runner did with a load. Seconds are StockX's, from an operation's end there to its being known."""

    load: str
    runner: str
    operations: int
    median_seconds: float
    p95_seconds: float
    calls_per_operation: float
    refused: int


LOADS = (Load("100 at once", 100, 0.0), Load("one every 20 s", 20, 20.0))
EVERY = (5.0, 15.0, 60.0)


async def ours(running: World, replicas: Fleet, load: Load, scale: Scale) -> Figure:
    """The fact in Kafka: the time of its record."""
    await _until(running, _SWEPT, 1)
    await running.shop.forget_calls()
    clock = await _clock(running.shop, scale)
    variants = await running.shop.variants(load.operations)
    began = asyncio.get_running_loop().time()
    given = []
    for number, variant in enumerate(variants):
        await asyncio.sleep(max(0.0, began + scale.ours(number * load.every) - asyncio.get_running_loop().time()))
        body = {"variant_id": variant, "amount": str(100 + number)}
        given.append(asyncio.create_task(replicas.command("POST", "/listings", body)))
    await asyncio.gather(*given)
    await _until(running, _ENDED, load.operations)
    await _until(running, _OUTBOX, 0)
    known: dict[str, float] = {}
    everything = datetime(1970, 1, 1, tzinfo=UTC)
    async for record in read_tail(running.kafka, "listing_operations", since=everything, most_per_partition=10**6):
        fact = read_fact(Envelope.of(record.headers), record.value)
        if isinstance(fact, ListingOperationChangedV1) and fact.status is not OperationStatus.STARTED:
            known.setdefault(fact.listing_id or "", clock(record.timestamp / 1000))
    return await _figure(running.shop, load, "stockx_poller", known)


async def naive(running: World, load: Load, every: float, scale: Scale) -> Figure:
    """Polling each operation every so many seconds of StockX's time."""
    await running.shop.forget_calls()
    clock = await _clock(running.shop, scale)
    variants = await running.shop.variants(load.operations)
    bodies = [
        (scale.ours(number * load.every), {"variantId": variant, "amount": str(100 + number)})
        for number, variant in enumerate(variants)
    ]
    client = Naive(running.shop, scale.ours(every), scale.ours(scale.seconds_between_requests))
    ahead = time.time() - asyncio.get_running_loop().time()
    known = await client.known(bodies)
    return await _figure(
        running.shop, load, f"each every {every:g} s", {each: clock(at + ahead) for each, at in known.items()}
    )


async def _figure(shop: Shop, load: Load, runner: str, known: Mapping[str, float]) -> Figure:
    ends = {each["listing_id"]: datetime.fromisoformat(each["ends_at"]).timestamp() for each in await shop.operations()}
    late = [moment - ends[each] for each, moment in known.items() if each in ends]
    if len(late) != load.operations:
        raise LatencyFailed(f"{runner}: {len(late)} of {load.operations} operations became known")
    calls, refused = await shop.calls()
    return Figure(
        load.name,
        runner,
        load.operations,
        median(late),
        quantiles(late, n=20)[-1],
        calls.total() / load.operations,
        sum(refused.values()),
    )


async def _clock(shop: Shop, scale: Scale) -> Callable[[float], float]:
    """Our time (seconds since 1970) → StockX's, by the quickest of some looks at its clock."""
    looks: Sequence[tuple[float, float, float]] = [await _look(shop) for _ in range(_SAMPLES)]
    _, ours_then, theirs_then = min(looks)
    return lambda moment: theirs_then + (moment - ours_then) * scale.speed


async def _look(shop: Shop) -> tuple[float, float, float]:
    before = time.time()
    theirs = await shop.now()
    after = time.time()
    return after - before, (before + after) / 2, theirs.timestamp()


async def _until(running: World, sql: str, wanted: int) -> None:
    async with asyncio.timeout(600):
        while True:
            async with running.database.connection() as connection:
                if await connection.fetchval(sql) == wanted:
                    return
            await asyncio.sleep(0.05)
