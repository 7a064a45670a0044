"""What stockx_poller makes of StockX's refusals: a batch that is refused, an account that is, limits, an outage."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from tests.integration.test_stockx_poller import World, prepared
from tests.projecting import scalar, until
from tests.stockx_polling import Poller, environment_of, serving

LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture
async def world(kafka: KafkaSettings, publisher: Publisher, database_url: str) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield await prepared(stack, kafka, publisher, database_url)


async def asked(world: World, poller: Poller, many: int, **first: Any) -> list[dict[str, Any]]:
    """Creations; `first` belongs to the first one alone."""
    found = []
    for number in range(many):
        body = {"variant_id": world.variants[number % 12], "amount": str(100 + number), **(first if not number else {})}
        found.append(await poller.call("POST", "/listings", body))
    return found


async def test_one_wrong_command_does_not_spoil_its_batch(world: World) -> None:
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as poller:
        await asked(world, poller, 20, expires_at=LONG_AGO)  # for which StockX refuses the whole batch
        await world.quiet(poller)
        assert len(await world.truth()) == 19
        why = "SELECT string_agg(error, '; ') FROM stockx_poller.operations WHERE status = 'failed'"
        assert str(await scalar(world.database, why)).count("expiresAt") == 1
        calls = Counter((await world.shop.control("GET", "/_stockx/calls"))["calls"])
    writes = sum(count for name, count in calls.items() if name.startswith("POST"))
    assert writes <= 1 + 5 + 4, "smaller and smaller batches, and not twenty commands one by one"


@pytest.mark.parametrize("kind", ["blocked", "unauthorized"])
async def test_an_account_that_is_refused_is_left_alone(world: World, kind: str) -> None:
    fault = {"marketplace": "stockx", "kind": kind, "path": "/v2/selling/listings", "method": "POST", "count": 2}
    await world.shop.control("POST", "/_faults", fault)
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as poller:
        command = (await asked(world, poller, 1))[0]

        async def told() -> bool:
            quota = await poller.call("GET", "/quota", expect=200)
            return quota["accounts"][0]["halted"] is not None

        await until(told, "the quota tells that the account is left alone")
        kept = await poller.call("GET", f"/commands/{command['command_id']}", expect=200)
    assert kept["status"] == "waiting", "it is sent when the account works again"
    assert await world.truth() == {}


async def test_a_429_and_a_500_503_and_504_cost_time_and_nothing_else(world: World) -> None:
    for more in ({"kind": "rate_limited"}, *({"kind": "outage", "status": status} for status in (500, 503, 504))):
        fault = {"marketplace": "stockx", "path": "/v2/selling/listings", "method": "POST", "count": 1, **more}
        await world.shop.control("POST", "/_faults", fault | {"retry_after": 1})
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as poller:
        command = (await asked(world, poller, 1))[0]
        assert (await poller.ended(command["command_id"]))["status"] == "succeeded"
    assert len(await world.truth()) == 1, "created once"
    assert await scalar(world.database, "SELECT max(attempts) FROM stockx_poller.operations") == 5
