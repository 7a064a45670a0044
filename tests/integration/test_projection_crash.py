"""PostgreSQL crashes under a live projection whose commits do not wait for its disk: afterwards nothing is missing."""

from pathlib import Path

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.read_models.orders.project import READ_MODEL as ORDERS
from libs.stack.postgres import EmbeddedPostgres
from schemas.orders.order_changed import OrderStatus
from services.projector.app import NAME
from tests.facts import order, publish
from tests.projecting import projecting, scalar, until_read

TOPICS = ("orders", "projector-dlt")
STATUSES = (OrderStatus.PLACED, OrderStatus.PAID, OrderStatus.SHIPPED)
ORDERS_EACH = 40


async def test_what_a_crash_takes_back_comes_again_from_the_log(
    kafka: KafkaSettings, publisher: Publisher, tmp_path: Path
) -> None:
    server = EmbeddedPostgres(tmp_path / "stack")
    url = await server.start()
    try:
        async with Database(url, application="tests") as database:
            await migrate(database)
        async with Database(url, application=NAME, most=2, again=True) as projector:
            assert await scalar(projector, "SHOW synchronous_commit") == "off"
            async with projecting(ORDERS, kafka, publisher, projector):
                for minute, status in enumerate(STATUSES):
                    await publish(publisher, *(order(number, minute, status) for number in range(ORDERS_EACH)))
                    async with Database(url, application="tests") as database:
                        await until_read(database, ORDERS, ORDERS_EACH * (minute + 1))
                    await server.kill()
                    await server.start()
                async with Database(url, application="tests") as database:
                    await until_read(database, ORDERS, ORDERS_EACH * len(STATUSES))
                    words = "jsonb_path_query_array(status_history, '$[*].status')"
                    found = await scalar(database, f"SELECT array_agg(DISTINCT {words}::text) FROM read_models.orders")
                    assert found == ['["placed", "paid", "shipped"]']
                    assert await scalar(database, "SELECT count(*) FROM read_models.orders") == ORDERS_EACH
    finally:
        await server.stop()
