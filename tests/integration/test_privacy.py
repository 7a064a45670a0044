"""Erasure on real Kafka and PostgreSQL: nothing readable stays in topics, tables and rebuilds."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from typer.testing import CliRunner

from libs.bus.message import Outgoing
from libs.bus.publisher import NotPublished, Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_tail
from libs.db.errors import DatabaseAway
from libs.db.locks import lock_in_transaction
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.db.settings import DatabaseSettings
from libs.privacy.erasure import erase, erasures, rows_of, standing
from libs.privacy.keys import Keys
from libs.privacy.opener import ERASED, opened
from libs.privacy.sealer import Sealer
from libs.projection.rebuild import Rebuild
from libs.read_models import READ_MODELS
from libs.read_models.messages.queries import messages
from libs.read_models.orders.queries import order as order_of
from libs.read_models.shipments.queries import shipment as shipment_of
from libs.secrets.keys import new_key, read_keys
from libs.secrets.vault import Vault
from schemas.event import Fact
from schemas.orders.order_changed import Buyer
from schemas.shipments.shipment_changed import Destination
from schemas.webhooks.webhook_received import WebhookReceivedV1
from services.ops.cli import app as cli
from services.privacy.app import build
from services.privacy.config import Config
from tests.everything import in_tables, in_topics
from tests.facts import buyers_message, claim, feedback, invoice, order, payment, question, shipment
from tests.integration.running_sandbox import sandbox
from tests.integration.test_webhook_gateway import gateway
from tests.projecting import projecting, scalar, until, until_read
from tests.serving import working

KEY = new_key()
VAULT = Vault(read_keys(KEY))
MODELS = ("orders", "shipments", "payments", "questions", "messages", "claims", "feedback", "invoices")
SECRET = "Rua-das-Flores-1899"
"""A text that stands in every personal field of `deals`, and nowhere else."""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, application="tests", most=20) as opened_:
        await migrate(opened_)
        yield opened_


@pytest.fixture
def keys(database: Database) -> Keys:
    return Keys(database, VAULT)


@pytest.fixture
async def sealing(kafka: KafkaSettings, keys: Keys) -> AsyncIterator[Publisher]:
    async with Publisher(kafka, "tests", seal=Sealer(keys)) as opened_:
        yield opened_


def deals(number: int, buyer: str) -> list[Fact]:
    """An order of a buyer, and all that belongs to it; only some of it says whose it is."""
    told = {"note": SECRET}
    return [
        shipment(number).model_copy(
            update={
                "order_ids": [str(number)],
                "destination": Destination(receiver_name=SECRET, address=SECRET, city="Natal"),
                "raw": told,
            }
        ),
        feedback(number).model_copy(update={"raw": told}),
        invoice(number).model_copy(update={"order_ids": [str(number)], "shipment_id": None, "raw": told}),
        buyers_message(number).model_copy(
            update={"thread_id": str(number), "sender_id": None, "recipient_id": None, "text": SECRET, "raw": told}
        ),
        payment(number).model_copy(update={"payer_id": None, "order_id": str(number), "raw": told}),
        claim(number).model_copy(update={"buyer_id": buyer, "raw": told}),
        question(number).model_copy(update={"buyer_id": buyer, "text": SECRET, "answer_text": SECRET, "raw": told}),
        order(number).model_copy(
            update={
                "buyer": Buyer(id=buyer, nickname=SECRET, first_name=SECRET),
                "shipment_id": str(number),
                "raw": told,
            }
        ),
    ]


async def publish(publisher: Publisher, facts: list[Fact]) -> None:
    for fact in facts:
        await publisher.publish(Outgoing(fact))


@asynccontextmanager
async def projected(kafka: KafkaSettings, publisher: Publisher, database: Database) -> AsyncIterator[None]:
    """Live projections of all models with personal data."""
    async with AsyncExitStack() as stack:
        for name in MODELS:
            await stack.enter_async_context(projecting(READ_MODELS[name], kafka, publisher, database))
        yield


async def count_read(database: Database, records: int) -> None:
    for name in MODELS:
        await until_read(database, READ_MODELS[name], records)


async def rebuilt_equal(kafka: KafkaSettings, database: Database) -> None:
    for name in MODELS:
        outcome = await Rebuild(READ_MODELS[name], kafka, database).rebuild()
        assert outcome.swapped
        assert outcome.proof.equal, name


async def test_an_erased_person_is_nowhere_to_be_read_and_others_still_are(kafka, sealing, database, keys):
    async with projected(kafka, sealing, database):
        await publish(sealing, deals(1, "anna") + deals(2, "bruno"))
        await count_read(database, 2)
        for one in (await in_topics(kafka), (await in_tables(database)).encode()):
            assert b"sealed:v1:" in one
            assert SECRET.encode() not in one
        tables = [f"read_models.{name}" for name in MODELS]
        rows = await rows_of(database, "mercadolibre:anna", tables)
        # The read models of these three keep no personal data.
        assert rows == {f"read_models.{name}": 1 for name in MODELS if name not in ("payments", "claims", "invoices")}
        async with database.connection() as connection:
            row = await order_of(connection, "mercadolibre", "1")
            parcel = await shipment_of(connection, "mercadolibre", "1")
        assert (await opened(row, keys)).buyer.first_name == SECRET
        assert (await opened(parcel, keys)).destination.address == SECRET
        await rebuilt_equal(kafka, database)

        before = await in_tables(database)
        done = await erase(database, "mercadolibre:anna", by="tests", reason="asked")
        assert done is not None
        assert done.keys == 5  # her own, the order's, the parcel's, the conversation's, the invoice's
        await rebuilt_equal(kafka, database)

        async with database.connection() as connection:
            rows_after = [
                await order_of(connection, "mercadolibre", "1"),
                await shipment_of(connection, "mercadolibre", "1"),
                *(await messages(connection, marketplace="mercadolibre")).rows,
            ]
        gone, parcel_gone, *both = [await opened(one, keys) for one in rows_after]
        assert rows_after[0].buyer == row.buyer
        assert (gone.buyer.id, gone.buyer.nickname, gone.buyer.last_name) == (ERASED, ERASED, None)
        assert (parcel_gone.destination.address, parcel_gone.destination.city) == (ERASED, "Natal")
        assert sorted(one.message for one in both) == sorted([ERASED, SECRET])
        assert (await order_of_opened(database, keys, "2")).buyer.nickname == SECRET
        assert await keys_left(database, "mercadolibre:anna") == 0
        assert before.count("sealed:v1:") <= (await in_tables(database)).count("sealed:v1:")

        # What comes later about the erased one is never readable at all, by whatever process.
        async with Publisher(kafka, "late", seal=Sealer(keys)) as late:
            await publish(late, deals(3, "anna"))
            await publish(sealing, [order(1, 5).model_copy(update={"buyer": Buyer(id="anna", nickname=SECRET)})])
        await until_read(database, READ_MODELS["orders"], 4)
        assert (await order_of_opened(database, keys, "1")).buyer.nickname == ERASED
        assert (await order_of_opened(database, keys, "3")).buyer.nickname == ERASED
        await until_read(database, READ_MODELS["shipments"], 3)
        await rebuilt_equal(kafka, database)
        assert SECRET.encode() not in await in_topics(kafka)
        assert SECRET not in await in_tables(database)
        assert await keys_left(database, "mercadolibre:anna") == 0


async def order_of_opened(database: Database, keys: Keys, number: str) -> Any:
    async with database.connection() as connection:
        return await opened(await order_of(connection, "mercadolibre", number), keys)


async def keys_left(database: Database, person: str) -> int:
    return (await standing(database, person)).keys


async def test_a_key_is_asked_for_once_and_the_same_fact_is_the_same_record(kafka, database, keys, sealing):
    sealer = Sealer(keys)
    fact = order(1)
    first, again = await sealer(fact), await Sealer(keys)(fact)
    assert first == again
    assert first.encode() == again.encode()
    async with Database("postgresql://nobody@127.0.0.1:1/none", application="tests") as away:
        alone = Sealer(Keys(away, VAULT))
        with pytest.raises(NotPublished, match="cannot be had"):
            await alone(fact)


async def test_what_turns_out_to_be_an_erased_persons_is_erased(database, keys):
    """The parcel was known before anybody knew whose it is, and the process died where its tie was just written."""
    parcel = await keys.key("mercadolibre:shipment/1", [("mercadolibre:shipment/1", "mercadolibre:order/1")])
    assert parcel.secret is not None
    await erase(database, "mercadolibre:carla", by="tests", reason="asked")
    async with database.connection() as connection:
        await connection.execute("INSERT INTO privacy.ties VALUES ('mercadolibre:order/1', 'mercadolibre:carla')")
    tie = [("mercadolibre:order/1", "mercadolibre:carla")]
    assert (await keys.key("mercadolibre:shipment/1")).secret is None
    assert (await keys.key("mercadolibre:carla", tie)).secret is None
    assert await scalar(database, "SELECT count(key) FROM privacy.keys") == 0


async def test_erasures_and_publications_at_the_same_moment_leave_no_key_behind(database, keys):
    people = [f"mercadolibre:{number}" for number in range(8)]

    async def buys(person: str, number: int) -> None:
        deal, parcel = f"mercadolibre:order/{person}/{number}", f"mercadolibre:shipment/{person}/{number}"
        await asyncio.gather(keys.key(parcel, [(parcel, deal)]), keys.key(person, [(deal, person)]), keys.key(deal))

    work = [buys(person, number) for person in people for number in range(3)]
    ends = [erase(database, person, by="tests", reason="asked") for person in people for _ in range(2)]
    await asyncio.gather(*work[:12], *ends, *work[12:])
    assert await scalar(database, "SELECT count(key) FROM privacy.keys") == 0
    assert await scalar(database, "SELECT count(*) FROM privacy.keys") >= 8 + 2 * 24
    assert len(await erasures(database)) == len(people)


async def test_an_erasure_that_is_killed_has_done_nothing_and_is_done_again(database, database_url, keys):
    whom = "mercadolibre:dora"
    await keys.key(whom, [("mercadolibre:order/5", whom)])
    async with Database(database_url, application="killed", most=1) as other:
        async with database.transaction() as connection:
            await lock_in_transaction(connection, "privacy", shared=True)  # as a publisher that is at work
            task = asyncio.create_task(erase(other, whom, by="tests", reason="asked"))

            async def waits() -> bool:
                return bool(await scalar(database, _WAITING))

            await until(waits, "the erasure waits for the lock")
            await scalar(database, _KILL)
            with pytest.raises(DatabaseAway):
                await task
        assert await keys_left(database, whom) == 1
        assert await erasures(database) == []
        # Killed between the destruction and the audit: the audit table is not there for a moment.
        await execute(database, "ALTER TABLE privacy.erasures RENAME TO elsewhere")
        with pytest.raises(Exception, match="erasures"):
            await erase(other, whom, by="tests", reason="asked")
        await execute(database, "ALTER TABLE privacy.elsewhere RENAME TO erasures")
        assert await keys_left(database, whom) == 1
        done = await erase(other, whom, by="tests", reason="asked")
        assert done is not None
        assert done.keys == 1
        assert await erase(other, whom, by="tests", reason="asked") is None
    assert [one.person for one in await erasures(database)] == [whom]


_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'killed' AND wait_event_type = 'Lock'"
_KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'killed'"


async def execute(database: Database, sql: str) -> None:
    async with database.connection() as connection:
        await connection.execute(sql)


# --- eBay's notice


@asynccontextmanager
async def privacy(kafka: KafkaSettings, database_url: str, raw_kept: timedelta = timedelta(0)) -> AsyncIterator[None]:
    """The service as its app builds it, in this process; it sweeps all the time, and leaves nothing for replays."""
    config = Config(
        kafka=kafka,
        database=DatabaseSettings(url=database_url),
        port=0,
        sweep_every=timedelta(seconds=0.5),
        raw_kept=raw_kept,
    )
    async with build(config) as service, working(service):
        yield


def ebay_order(buyer: str) -> Fact:
    changes = {"marketplace": "ebay", "buyer": Buyer(id=buyer, first_name=SECRET), "raw": {"note": SECRET}}
    return order(77).model_copy(update=changes)


async def test_ebays_signed_notice_erases_the_user(kafka, sealing, database, database_url, keys):
    await publish(sealing, [ebay_order("jane_doe")])
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(projecting(READ_MODELS["orders"], kafka, sealing, database))
        await until_read(database, READ_MODELS["orders"], 1)
        hooks: list[str] = []

        async def forward(request: web.Request) -> web.Response:
            """The gateway's address, known only after the sandbox's."""
            kept = {name: request.headers[name] for name in ("Content-Type", "X-EBAY-SIGNATURE")}
            async with client.post("/webhooks/ebay/main", data=await request.read(), headers=kept) as answer:
                return web.Response(status=answer.status)

        front = web.Application()
        front.router.add_post("/hook", forward)
        runner = web.AppRunner(front)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        hooks.append(f"http://{host}:{port}/hook")
        made = await stack.enter_async_context(sandbox(ebay_target=hooks[0], ebay_ack_seconds=30))
        told = (await made.control("GET", "/_accounts"))["ebay"]
        account = {
            "marketplace": "ebay",
            "account": "main",
            "endpoint": hooks[0],
            "verification_token": told["verification_token"],
            "client_id": told["client_id"],
            "client_secret": told["client_secret"],
            "base_url": f"{made.base}/ebay",
        }
        client = await stack.enter_async_context(gateway(kafka, accounts=json.dumps([account])))
        await stack.enter_async_context(privacy(kafka, database_url))
        await made.control("POST", "/_ebay/account_deletion", {"username": "jane_doe"})
        await made.settled()

        async def entered() -> bool:
            return len(await erasures(database)) == 2

        await until(entered, "the user's two names are entered in the audit")
        by_name = next(one for one in await erasures(database) if one.person == "ebay:jane_doe")
        assert by_name.keys == 1
        assert by_name.by == "privacy"
        assert by_name.notice is not None
        async with database.connection() as connection:
            row = await opened(await order_of(connection, "ebay", "77"), keys)
        assert row.buyer.first_name == ERASED
        outcome = await Rebuild(READ_MODELS["orders"], kafka, database).rebuild()
        assert outcome.proof.equal

        async def swept() -> bool:
            return b"jane_doe" not in await in_topics(kafka)

        await until(swept, "the notice itself, which names the user, is deleted from the topic `webhooks`")
        async with database.connection() as connection:
            await connection.execute("DROP SCHEMA privacy CASCADE")  # only the audit and the keys' names know the user
        for text in (SECRET, "jane_doe"):
            assert text not in await in_tables(database)
            assert text.encode() not in await in_topics(kafka)


async def test_a_notice_that_comes_again_changes_nothing_and_one_without_a_name_is_a_dead_letter(
    kafka, publisher, database, database_url
):
    def notice(data: dict[str, str], number: int = 1) -> Outgoing:
        body = {"metadata": {"topic": TOPIC}, "notification": {"notificationId": f"n{number}", "data": data}}
        fact = WebhookReceivedV1(
            marketplace="ebay",
            account="main",
            delivery_id=f"n{number}",
            notification_topic=TOPIC,
            resource=None,
            subject="ebay:main:user:x",
            body=json.dumps(body).encode(),
        )
        return Outgoing(fact)

    for data, number in (({"userId": "x", "username": "y"}, 1), ({"userId": "x", "username": "y"}, 1), ({}, 2)):
        await publisher.publish(notice(data, number))
    await publisher.publish(notice({"userId": "x"}, 3))
    async with privacy(kafka, database_url, raw_kept=timedelta(days=1)):

        async def entered() -> bool:
            return len(await erasures(database)) == 3

        await until(entered, "three entries: x and y by the first notice, x by the third")
    found = sorted((one.person, one.notice) for one in await erasures(database))
    assert found == [("ebay:x", "n1"), ("ebay:x", "n3"), ("ebay:y", "n1")]
    since = datetime.now(UTC) - timedelta(days=1)
    dead = [one async for one in read_tail(kafka, "privacy-dlt", since=since, most_per_partition=10)]
    assert [json.loads(one.value)["notification"]["notificationId"] for one in dead] == ["n2"]


TOPIC = "MARKETPLACE_ACCOUNT_DELETION"


# --- The command


async def test_the_command_shows_asks_erases_and_tells(database, database_url, keys, kafka, sealing):
    await publish(sealing, [order(1)])
    async with projecting(READ_MODELS["orders"], kafka, sealing, database):
        await until_read(database, READ_MODELS["orders"], 1)
    environ = {"DATABASE_URL": database_url, "SELLSTREAM_SECRETS_KEYS": KEY}
    whom = ["--marketplace", "mercadolibre", "--person", "9"]

    async def told(*arguments: str, answer: str | None = None) -> tuple[int, str]:
        result = await asyncio.to_thread(
            CliRunner().invoke, cli, ["privacy", *arguments], input=answer, env=environ, catch_exceptions=False
        )
        return result.exit_code, result.output

    assert "COMPRADOR" in (await told("read", "orders", "mercadolibre:1"))[1]
    status, shown = await told("erase", *whom, answer="n\n")
    assert status == 1
    assert "read_models.orders  1 rows" in shown
    assert await keys_left(database, "mercadolibre:9") == 1
    status, shown = await told("erase", *whom, "--reason", "letter of 3 May", answer="y\n")
    assert (status, "Erased: 1 keys destroyed" in shown) == (0, True)
    assert (await told("erase", *whom, "--yes"))[1].endswith("Nothing was left to do.\n")
    assert "letter of 3 May" in (await told("list"))[1]
    assert "0 keys, " in (await told("show", *whom))[1]
    shown = (await told("read", "orders", "mercadolibre:1"))[1]
    assert ERASED in shown
    assert "COMPRADOR" not in shown
