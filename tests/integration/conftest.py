"""Each test gets topics and a database of its own on the session's Kafka and PostgreSQL."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.topics import apply_topics
from libs.db.pool import Database
from libs.stack import EmbeddedKafka, Endpoints
from schemas.topics import topics
from tests.databases import empty_database, migrated_template


@pytest.fixture
async def kafka(stack: Endpoints, request: pytest.FixtureRequest) -> AsyncIterator[KafkaSettings]:
    """Kafka with the declared topics under a prefix that no other test has: all, or those of the module's `TOPICS`.

    Some topics are there, and above all gone again, in a fraction of the seconds that all of them take the broker.
    """
    declared = topics()
    names = getattr(request.module, "TOPICS", tuple(declared))
    settings = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap_servers, topic_prefix=f"t{uuid4().hex[:10]}.")
    await apply_topics(settings.bootstrap_servers, [declared[name] for name in names], prefix=settings.topic_prefix)
    yield settings
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_topics([settings.topic(name) for name in names])
    finally:
        await admin.close()


@pytest.fixture
async def publisher(kafka: KafkaSettings) -> AsyncIterator[Publisher]:
    async with Publisher(kafka, "tests") as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated(stack: Endpoints) -> AsyncIterator[str]:
    """The database that `database_url` copies: every migration takes half a second, a copy a tenth."""
    async with migrated_template(stack) as name:
        yield name


@pytest.fixture
async def database_url(stack: Endpoints, migrated: str) -> AsyncIterator[str]:
    """The URL of a database with the tables of every migration and no rows, dropped afterwards."""
    async with empty_database(stack, migrated) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The database of `database_url`, opened."""
    async with Database(database_url, application="tests", most=20) as opened:
        yield opened


@pytest.fixture
async def unmigrated_url(stack: Endpoints) -> AsyncIterator[str]:
    """The URL of a database with nothing in it, dropped afterwards."""
    async with empty_database(stack) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def whole_database(stack: Endpoints, migrated: str) -> AsyncIterator[Database]:
    """A database for a module's tests together; who uses it empties what it fills."""
    async with empty_database(stack, migrated) as url, Database(url, application="tests") as opened:
        yield opened


@pytest.fixture(scope="module")
async def own_broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedKafka]:
    """A broker that may be stopped without harm to other tests."""
    broker = EmbeddedKafka(tmp_path_factory.mktemp("kafka"))
    await broker.start()
    try:
        yield broker
    finally:
        broker.brokers[0].resume()
        await broker.stop()


@pytest.fixture
async def own_kafka(own_broker: EmbeddedKafka) -> KafkaSettings:
    """All topics on it, under a prefix that no other test has."""
    settings = KafkaSettings(bootstrap_servers=own_broker.bootstrap_servers, topic_prefix=f"t{uuid4().hex[:10]}.")
    await apply_topics(settings.bootstrap_servers, topics().values(), prefix=settings.topic_prefix)
    return settings


@pytest.fixture
async def producer(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaProducer]:
    """For records that no publisher would write."""
    opened = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    await opened.start()
    try:
        yield opened
    finally:
        await opened.stop()
