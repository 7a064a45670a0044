"""Each service is killed (SIGKILL) at random moments under traffic; nothing is lost, nothing is doubled."""

import asyncio
import os
import random
from pathlib import Path

import pytest

from libs.stack import Endpoints
from tests.e2e.checks import assert_all_is_well
from tests.e2e.system import running_system

VICTIMS = ("webhook_gateway", "mercadolibre_enricher", "projector")


@pytest.mark.timeout(400)
async def test_killing_each_service_at_random_moments_loses_and_doubles_nothing(
    stack: Endpoints, tmp_path: Path
) -> None:
    seed = int(os.environ.get("SELLSTREAM_KILL_SEED", "20261121"))
    chance = random.Random(seed)
    print(f"SELLSTREAM_KILL_SEED={seed} repeats this run")
    async with running_system(stack, tmp_path, {}) as system:
        await system.post("/_traffic", {"rate": 12, "seconds": 35, "duplicates": 0.2, "reordering": 0.2})
        order = [victim for victim in VICTIMS for _ in range(3)]
        chance.shuffle(order)
        for victim in order:
            await asyncio.sleep(chance.uniform(0.3, 4.5))
            await system.kill(victim)
        assert system.killed == dict.fromkeys(VICTIMS, 3)
        await system.settled(180)
        await assert_all_is_well(system)
