"""The live projection on real Kafka and PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.read_models import READ_MODELS
from tests.facts import listing, order, payment, publish, question, shipment
from tests.projecting import projecting, scalar, until_read


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, application="tests", most=20) as opened:
        await migrate(opened)
        yield opened


async def test_facts_become_rows_in_every_read_model(
    kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    facts = {"orders": order, "shipments": shipment, "payments": payment, "questions": question, "listings": listing}
    for name, model in READ_MODELS.items():
        async with projecting(model, kafka, publisher, database) as projection:
            await publish(publisher, *(facts[name](number, minute) for minute in range(2) for number in range(3)))
            await until_read(database, model, 6)
            assert await scalar(database, f"SELECT count(*) FROM read_models.{name}") == 3
            await projection.check()
