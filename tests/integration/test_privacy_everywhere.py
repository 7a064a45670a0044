"""After an erasure nothing of the person can be read: in no topic, raw ones and dead letters included, in no table."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from libs.bus.consumer import Consumer
from libs.bus.message import Outgoing, Received
from libs.bus.outcome import ErrorClass, Reject
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_tail
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.privacy.erasure import erase
from libs.privacy.keys import Keys
from libs.privacy.opener import ERASED
from libs.privacy.sealer import Sealer
from libs.privacy.sweep import erased_lately, names_of, sweep
from libs.projection.rebuild import Rebuild
from libs.read_models import READ_MODELS
from libs.secrets.keys import new_key, read_keys
from libs.secrets.vault import Vault
from schemas.event import Fact
from schemas.orders.order_changed import Buyer
from schemas.webhooks.webhook_received import WebhookReceivedV1
from services.ops.cli import app as cli
from tests.everything import in_tables, in_topics
from tests.facts import order
from tests.integration.running_catalog import Catalog, catalog
from tests.projecting import projecting, until, until_read

KEY = new_key()
NAME, STREET, MAIL, WORDS = "Petronella Quist", "14 Larkspur Mews", "nella@quist.example", "Does it glow in the dark?"
SECRETS = (NAME, STREET, MAIL, WORDS)
ADDRESS = {"name": NAME, "email": MAIL, "address1": STREET, "city": "Phoenix"}
MODELS = ("orders", "marketplace_orders", "message_tickets")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, application="tests") as opened_:
        await migrate(opened_)
        yield opened_


@pytest.fixture
async def sealing(kafka: KafkaSettings, database: Database) -> AsyncIterator[Publisher]:
    async with Publisher(kafka, "tests", seal=Sealer(Keys(database, Vault(read_keys(KEY))))) as opened_:
        yield opened_


async def command(kafka: KafkaSettings, database: Database, *arguments: str) -> str:
    """What `sellstream privacy …` prints."""
    environ = {
        "DATABASE_URL": database.url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
        "SELLSTREAM_SECRETS_KEYS": KEY,
    }
    result = await asyncio.to_thread(
        CliRunner().invoke, cli, ["privacy", *arguments], env=environ, catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return str(result.output)


def bought(number: int, buyer: str) -> Fact:
    return order(number).model_copy(update={"marketplace": "ebay", "buyer": Buyer(id=buyer, nickname=NAME)})


async def sold(api: Catalog, number: int, order_id: str) -> None:
    """What staff enter about a sale, and a customer's question about it."""
    told = {"channel": "ebay", "channelOrderId": order_id, "buyerAddressJson": ADDRESS}
    assert await api.create("marketplaceOrders", **told) == number
    asked = {
        "channel": "ebay",
        "threadId": f"T{number}",
        "customerMessage": WORDS,
        "suggestedReply": f"Dear {NAME}, no.",
    }
    assert await api.create("messageTickets", **asked, marketplaceOrderId=number) == number


async def shown(api: Catalog, number: int) -> tuple[Any, Any, Any]:
    deal, ticket = [(await api.get(f"/{one}/{number}")).json for one in ("marketplaceOrders", "messageTickets")]
    return deal["buyerAddressJson"], ticket["customerMessage"], ticket["suggestedReply"]


async def readable(kafka: KafkaSettings, database: Database, *texts: str) -> list[str]:
    """Which of the texts stand anywhere."""
    everything = (await in_topics(kafka)).decode(errors="replace") + await in_tables(database)
    return [text for text in texts if text in everything]


async def test_what_the_catalog_knows_of_a_buyer_is_sealed_and_erased_with_them(kafka, database, sealing):
    async with (
        projecting(READ_MODELS["orders"], kafka, sealing, database),
        projecting(READ_MODELS["marketplace_orders"], kafka, sealing, database),
        projecting(READ_MODELS["message_tickets"], kafka, sealing, database),
        catalog(database.url, kafka, secrets=KEY) as api,
    ):
        await sealing.publish(Outgoing(bought(71, "nella_q")))
        await sealing.publish(Outgoing(bought(72, "somebody_else")))
        await api.create("unifiedProducts")
        await sold(api, 1, "71")
        await sold(api, 2, "72")
        plain = (ADDRESS, WORDS, f"Dear {NAME}, no.")
        assert await shown(api, 1) == await shown(api, 2) == plain
        page = (await api.get("/messageTickets")).json["messageTickets"]
        assert {one["customerMessage"] for one in page} == {WORDS}
        assert (await api.get("/messageTickets", customerMessage=WORDS)).status == 400, "sealed text is not searched"
        assert await readable(kafka, database, *SECRETS) == []

        # Another field changes: what is sealed stays what it is.
        assert (await api.post("marketplaceOrders", {"action": 2, "id": 1, "status": "ORDER_CONFIRMED"})).values == [
            "1"
        ]
        assert (await api.post("messageTickets", {"action": 2, "id": 1, "status": "escalated"})).values == ["1"]
        assert await shown(api, 1) == plain

        told = await command(kafka, database, "erase", "--marketplace", "ebay", "--person", "nella_q", "--yes")
        assert "Erased: 3 keys destroyed" in told, "hers, the sale's and the ticket's"
        gone = ({}, ERASED, ERASED)
        assert await shown(api, 1) == gone
        assert await shown(api, 2) == plain

        # Work on the row goes on; what is told of her from now on is nowhere to be read either.
        again = {"action": 2, "id": 1, "customerMessage": WORDS, "finalReply": NAME, "status": "responded"}
        assert (await api.post("messageTickets", again)).values == ["1"]
        assert (await api.post("marketplaceOrders", {"action": 2, "id": 1, "status": "ORDER_PROCESSING"})).values == [
            "1"
        ]
        await sold(api, 3, "71-b")
        assert (await api.post("marketplaceOrders", {"action": 2, "id": 3, "channelOrderId": "71c"})).values == ["3"]
        assert await shown(api, 1) == gone
        for name, records in (("orders", 2), ("marketplace_orders", 6), ("message_tickets", 5)):
            await until_read(database, READ_MODELS[name], records)
        for name in MODELS:
            outcome = await Rebuild(READ_MODELS[name], kafka, database).rebuild()
            assert outcome.swapped
            assert outcome.proof.equal, name
        assert await shown(api, 1) == gone
        assert await shown(api, 2) == plain
        assert await readable(kafka, database, *SECRETS) == []

        # Where the marketplace names no buyer, the order's number does.
        told = await command(kafka, database, "erase", "--marketplace", "ebay", "--order", "71-b", "--yes")
        assert "Erased: 2 keys destroyed" in told
        assert await shown(api, 3) == gone


def delivery(number: int, account: str = "main", **data: Any) -> Outgoing:
    body = {"metadata": {"topic": "NEW_MESSAGE"}, "notification": {"notificationId": f"n{number}", "data": data}}
    fact = WebhookReceivedV1(
        marketplace="ebay",
        account=account,
        delivery_id=f"n{number}",
        notification_topic="NEW_MESSAGE",
        resource=None,
        subject=f"ebay:{account}:same",  # all in one partition, in order
        body=json.dumps(body).encode(),
    )
    return Outgoing(fact)


@asynccontextmanager
async def handling(kafka: KafkaSettings, publisher: Publisher) -> AsyncIterator[None]:
    """ebay_sync, which understands nothing."""
    stop = asyncio.Event()
    task = asyncio.create_task(Consumer(kafka, "ebay_sync", ["webhooks"], publisher).run(refuse, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def refuse(batch: Sequence[Received]) -> list[Outgoing]:
    raise Reject("nobody understands it", ErrorClass.CONTRACT)


async def records(kafka: KafkaSettings, topic: str) -> list[Any]:
    since = datetime.now(UTC) - timedelta(days=1)
    return [one async for one in read_tail(kafka, topic, since=since, most_per_partition=1000)]


def of(found: list[Any]) -> list[str]:
    return [json.loads(one.value)["notification"]["notificationId"] for one in found]


def reach(kafka: KafkaSettings, topic: str, most: int) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        return len(await records(kafka, topic)) >= most

    return reached


async def test_raw_webhooks_and_dead_letters_that_name_the_erased_are_deleted(kafka, database, publisher):
    await publisher.publish(delivery(1, sender="somebody_else", text="keep me"))
    await publisher.publish(delivery(2, sender="Nella_Q", text=WORDS, name=NAME))
    await publisher.publish(delivery(3, sender="nella_q_2", text="another one's name"))
    async with handling(kafka, publisher):
        await until(reach(kafka, "ebay-sync-dlt", 3), "all three are dead letters")
    assert await readable(kafka, database, NAME, WORDS) == [NAME, WORDS]

    told = await command(kafka, database, "erase", "--marketplace", "ebay", "--person", "nella_q", "--yes")
    assert "webhooks: 2 records deleted" in told
    assert "ebay-sync-dlt: 1 records deleted, 1 of others stored anew" in told
    assert of(await records(kafka, "webhooks")) == ["n3"]
    dead = await records(kafka, "ebay-sync-dlt")
    assert of(dead) == ["n3", "n1"]
    assert dict(dead[1].headers)["x-failed-consumer"] == b"ebay_sync"
    assert await readable(kafka, database, NAME, WORDS) == []
    told = await command(kafka, database, "sweep")
    assert "deleted" not in told, "nothing names her any more"


async def test_a_webhook_that_somebody_has_not_handled_or_that_is_young_stays_for_now(kafka, database, publisher):
    await erase(database, "ebay:nella_q", by="tests", reason="asked")
    names = await erased_lately(database)
    await publisher.publish(delivery(1, sender="nella_q"))
    async with handling(kafka, publisher):
        await until(reach(kafka, "ebay-sync-dlt", 1), "it was handled")
    await publisher.publish(delivery(2, sender="nella_q"))

    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    young = await sweep(names, kafka, publisher, database, until=hour_ago)
    assert [one.topic for one in young] == ["ebay-sync-dlt"], "of webhooks only those older than an hour are wanted"
    (late,) = await sweep(names, kafka, publisher, database, until=datetime.now(UTC))
    assert (late.topic, late.deleted, late.waits_for) == ("webhooks", 1, "ebay_sync")
    assert of(await records(kafka, "webhooks")) == ["n2"]
    other = await names_of(database, "mercadolibre:nella_q")
    assert await sweep(other, kafka, publisher, database, until=datetime.now(UTC)) == [], "another marketplace's user"
