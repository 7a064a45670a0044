"""Kafka and PostgreSQL are killed under traffic and come back: what was acknowledged is there, the rest was refused."""

import asyncio
import re
from pathlib import Path

import pytest

from libs.stack import EmbeddedKafka, EmbeddedPostgres, Endpoints
from tests.e2e.checks import assert_all_is_well
from tests.e2e.system import running_system


@pytest.mark.timeout(400)
async def test_kafka_and_postgres_go_away_and_come_back(tmp_path: Path) -> None:
    kafka, postgres = EmbeddedKafka(tmp_path / "stack"), EmbeddedPostgres(tmp_path / "stack")
    await asyncio.gather(kafka.start(), postgres.start())
    try:
        endpoints = Endpoints("external", kafka.bootstrap_servers, postgres.database_url)
        (broker,) = kafka.brokers
        async with running_system(endpoints, tmp_path / "system", {}) as system:
            await system.post("/_traffic", {"rate": 10, "seconds": 25, "duplicates": 0.1})
            await asyncio.sleep(3)
            await broker.kill()
            await asyncio.sleep(4)
            await broker.start()
            await broker.ready()
            await asyncio.sleep(3)
            await postgres.kill()
            await asyncio.sleep(4)
            await postgres.start()
            await system.settled(200)
            await assert_all_is_well(system)
            url = f"http://127.0.0.1:{system.ports['webhook_gateway']}/metrics"
            async with system.sandbox.get(url) as answer:
                spooled = re.search(r"^gateway_spooled_total (\S+)", await answer.text(), re.MULTILINE)
            assert spooled is not None, "the gateway does not tell what it spooled"
            assert float(spooled[1]) > 0, "nothing was spooled: the outage was not noticed"
    finally:
        await asyncio.gather(kafka.stop(), postgres.stop())
