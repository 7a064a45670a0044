"""Each test gets topics and a database of its own on the session's Kafka and PostgreSQL."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.topics import apply_topics
from libs.stack import Endpoints
from schemas.topics import topics
from tests.databases import empty_database


@pytest.fixture
async def kafka(stack: Endpoints) -> AsyncIterator[KafkaSettings]:
    """Kafka with all declared topics under a prefix that no other test has."""
    settings = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap_servers, topic_prefix=f"t{uuid4().hex[:10]}.")
    await apply_topics(settings.bootstrap_servers, topics().values(), prefix=settings.topic_prefix)
    yield settings
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_topics([settings.topic(name) for name in topics()])
    finally:
        await admin.close()


@pytest.fixture
async def publisher(kafka: KafkaSettings) -> AsyncIterator[Publisher]:
    async with Publisher(kafka, "tests") as opened:
        yield opened


@pytest.fixture
async def database_url(stack: Endpoints) -> AsyncIterator[str]:
    """The URL of an empty database, dropped afterwards."""
    async with empty_database(stack) as url:
        yield url
