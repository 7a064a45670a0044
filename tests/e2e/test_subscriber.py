"""A subscriber that knows only the AsyncAPI document and the JSON Schemas reads every message on every topic.

It uses the CloudEvents SDK and a JSON Schema validator, and none of our code; that only makes the traffic.
"""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest
from aiokafka import AIOKafkaProducer
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.formats.json import JSONFormat
from referencing import Registry, Resource

from libs.db.pool import Database
from libs.jobs import JobQueue, NewJob
from libs.stack import Endpoints
from tests.e2e.checks import records
from tests.e2e.replays import check_replays
from tests.e2e.system import System, running_system
from tests.integration.running_catalog import Catalog, fill
from tests.projecting import until

FOREIGN = b"\xff\x00 not a message of sellstream"

MADE_BY_SERVICES = ("productMatches", "opportunities", "messageTickets", "procurementJobs")
"""By the matcher, pricing and the order desk, which run beside us."""

SEARCH = {"site_id": "MLM", "query_text": "tenis", "filters_json": {"offset": 0, "limit": 50}}

SCHEMAS = Path(__file__).parents[2] / "schemas"


class Subscriber:
    """Knows the documents."""

    def __init__(self) -> None:
        self.asyncapi: dict[str, Any] = json.loads((SCHEMAS / "asyncapi.json").read_text())
        files = list(SCHEMAS.glob("*/*.schema.json"))
        self.schemas = {json.loads(path.read_text())["$id"]: json.loads(path.read_text()) for path in files}
        self.registry: Registry[Any] = Registry().with_resources(
            [(identity, Resource.from_contents(schema)) for identity, schema in self.schemas.items()]
        )

    def channels(self) -> dict[str, dict[str, Any]]:
        """The topics' addresses with what the document says of each."""
        return {channel["address"]: channel for channel in self.asyncapi["channels"].values()}

    def resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        """Follow `$ref` within the document."""
        while "$ref" in node:
            found: Any = self.asyncapi
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            node = found
        return node

    def messages(self, channel: dict[str, Any]) -> list[dict[str, Any]]:
        return [self.resolve(message) for message in channel["messages"].values()]

    def check_headers(self, channel: dict[str, Any], headers: dict[str, str]) -> None:
        """The headers are those of one of the channel's messages."""
        errors = []
        for message in self.messages(channel):
            schema = self.resolve(message["headers"])
            found = list(jsonschema.Draft202012Validator(schema, registry=self.registry).iter_errors(headers))
            if not found:
                return
            errors.append([error.message for error in found])
        pytest.fail(f"{channel['address']}: no message of the document has these headers: {headers}: {errors}")

    def check_data(self, event: Any) -> None:
        """The data is of the schema that the event names."""
        schema = self.schemas[event.get_dataschema()]
        checker = jsonschema.Draft202012Validator(
            schema, registry=self.registry, format_checker=jsonschema.FormatChecker()
        )
        errors = [f"{error.json_path}: {error.message}" for error in checker.iter_errors(event.get_data())]
        assert not errors, f"{event.get_type()} {event.get_id()}: {errors}"


async def command_stockx(system: System) -> None:
    """Listings that StockX refuses, by a fact and over HTTP: their operations have begun and failed."""
    file = system.folder / "commands.jsonl"
    wanted = {"kind": "create", "variant_id": "none-such", "price": {"amount": "150", "currency": "USD"}}
    file.write_text(json.dumps({"account": "stockx-seller0", **wanted}))
    status, output = await system.command("stockx", "commands", str(file))
    assert status == 0, output
    status, token = await system.command("stockx", "token")
    assert status == 0, token
    url = f"http://127.0.0.1:{system.ports['stockx_poller']}/api/v1/stockx"
    headers = {"Authorization": f"Bearer {token.strip()}"}
    async with aiohttp.ClientSession(headers=headers) as session, asyncio.timeout(60):
        async with session.post(f"{url}/listings", json={"variant_id": "none-such", "amount": "150"}) as answer:
            assert answer.status == 202, await answer.text()
            command_id = (await answer.json())["command_id"]
        while True:
            async with session.get(f"{url}/commands/{command_id}") as answer:
                if (await answer.json())["ended_at"] is not None:
                    return
            await asyncio.sleep(0.2)


async def stock(system: System) -> None:
    """Goods from a file, their market, and a sale that was written down."""
    file = system.folder / "stock.csv"
    file.write_text("sku,size,quantity,cost\nHQ4276,8.5,2,40.50\n")
    status, output = await system.command("inventory", "import", str(file))
    assert status == 0, output
    async with Database(system.database_url, application="tests") as database:

        async def there() -> bool:
            async with database.connection() as connection:
                return bool(await connection.fetchval("SELECT count(*) FROM read_models.stock_items"))

        await until(there, "the goods are in stock")
    for command in (("stockx", "market-data", "sync"), ("notion", "sync")):
        status, output = await system.command(*command)
        assert status == 0, output


async def stockx_poison(system: System) -> None:
    """An answer of StockX's catalog that is no JSON: product_search puts it into its dead letters."""
    fault = await system.post("/_faults", {"marketplace": "stockx", "kind": "garbage", "path": "/v2/catalog/search"})
    status, token = await system.command("stockx", "token")
    assert status == 0, token
    url = f"http://127.0.0.1:{system.ports['product_search']}/api/v1/products/search-stockx"
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token.strip()}"}) as session,
        session.get(url, params={"query": "nobody has searched for this"}) as answer,
    ):
        assert answer.status >= 500, await answer.text()
    async with system.sandbox.delete(f"/_faults/{fault['id']}") as answer:
        assert answer.status < 300, await answer.text()
    async with Database(system.database_url, application="tests") as database:

        async def put() -> bool:
            sql = "SELECT count(*) FROM unreadable.answers WHERE service = 'product_search' AND raw IS NULL"
            async with database.connection() as connection:
                return bool(await connection.fetchval(sql))

        await until(put, "what StockX told is a dead letter")


async def amazons_poison(system: System) -> None:
    """An order of another shape at Amazon: amazon_orders puts it into its dead letters."""
    await system.post("/_amazon/orders/unreadable", {})
    async with Database(system.database_url, application="tests") as database:

        async def kept() -> bool:
            async with database.connection() as connection:
                return bool(await connection.fetchval("SELECT count(*) FROM amazon_orders.unreadable"))

        await until(kept, "what Amazon told is a dead letter")


async def lively(system: System) -> None:
    """Something of everything: orders and their company, duplicates, poison of all kinds."""
    await stock(system)  # before anything else is in stock: StockX is asked once a second
    await system.post("/_world/steps", {"steps": 200, "duplicates": 0.2, "reordering": 0.2})
    for kind in ("message", "claim", "feedback", "invoice"):
        await system.post("/_world/after_sale", {"kind": kind})
    for kind in ("inventory", "offers"):
        status, output = await system.command("ebay", "sync", kind, "--user", "2")
        assert status == 0, output
    async with aiohttp.ClientSession(f"http://127.0.0.1:{system.ports['catalog']}/") as session:
        await fill(Catalog(session), made_by_services=MADE_BY_SERVICES)
    await command_stockx(system)
    status, output = await system.command("stockx", "enrich")
    assert status == 0, output
    async with Database(system.database_url, application="tests") as database:
        await JobQueue(database, "mercadolibre").enqueue(NewJob("search", SEARCH))  # it is closed: a run that failed
    for marketplace in ("mercadolibre", "ebay", "square"):
        await system.post("/_poison", {"marketplace": marketplace})
    await amazons_poison(system)
    await stockx_poison(system)
    producer = AIOKafkaProducer(bootstrap_servers=system.kafka.bootstrap_servers)
    await producer.start()
    try:  # what no producer of ours writes: the projector's dead letters must be readable, too
        for topic in ("orders", "webhooks", "exchange_rates", "listing_commands", "listing_drafts", "buy_offers"):
            await producer.send_and_wait(system.kafka.topic(topic), FOREIGN, headers=[("other", b"tool")])
    finally:
        await producer.stop()
    await system.settled()


@pytest.mark.timeout(400)
async def test_every_message_can_be_read_from_the_documents_alone_and_replays_do_nothing_outside(
    stack: Endpoints, tmp_path: Path
) -> None:
    subscriber = Subscriber()
    read: dict[str, int] = {}
    everything: dict[str, Sequence[Any]] = {}
    async with running_system(stack, tmp_path, {"SANDBOX_NOTION_SALES": "1", "AMAZON_ORDERS_EVERY": "PT1S"}) as system:
        await lively(system)
        for address, channel in subscriber.channels().items():
            dead_letters = address.endswith("-dlt")
            everything[address] = await records(system.kafka, address)
            for record in everything[address]:
                read[address] = read.get(address, 0) + 1
                if record.value == FOREIGN and not dead_letters:
                    continue
                if dead_letters:
                    headers = {name: value.decode("latin-1") for name, value in record.headers}
                    subscriber.check_headers(channel, headers)
                    continue
                text = {name: value.decode() for name, value in record.headers}
                subscriber.check_headers(channel, text)
                message = KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value)
                event = from_binary_event(message, JSONFormat())
                assert event.get_subject() == record.key.decode()
                subscriber.check_data(event)
        await check_replays(system, everything)
    quiet = subscriber.channels().keys() - read.keys()
    assert not quiet, f"nothing was ever sent to {sorted(quiet)}: they are not tested"
