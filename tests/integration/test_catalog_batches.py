"""Batches of the catalog are all or nothing: against a model of them, under faults, and after a rebuild."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import cycle
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiokafka.structs import RecordMetadata

from libs.bus.publisher import NotPublished, Publisher
from libs.bus.reader import extents, partitions_of
from libs.bus.settings import KafkaSettings
from libs.commands.run import Commands
from libs.db.pool import Database
from libs.entities.sequences import Sequences
from libs.http.openapi import Api
from libs.http.server import Health, prepare_application
from libs.projection.rebuild import Rebuild
from libs.read_models import READ_MODELS
from schemas.entities import BY_COLLECTION
from services.catalog.writing import Writing
from tests.integration.running_catalog import Catalog, catalog, example
from tests.projecting import projecting, until_read

PRODUCTS, LISTINGS = READ_MODELS["unified_products"], READ_MODELS["sell_listings"]


class Expected:
    """Products by number with their barcodes, listings by number with (item, product): what the catalog must hold."""

    def __init__(self, products: dict[int, str] | None = None, listings: dict[int, tuple[str, int]] | None = None):
        self.products = products or {}
        self.listings = listings or {}

    def copy(self) -> "Expected":
        return Expected(dict(self.products), dict(self.listings))

    def product(self, operation: dict[str, Any], number: int) -> bool:
        """Carry out an operation on products; False if it must be refused."""
        others = {code for other, code in self.products.items() if other != number}
        match operation["action"]:
            case 1 | 2:
                if operation["ean_upc"] in others or (operation["action"] == 2 and number not in self.products):
                    return False
                self.products[number] = operation["ean_upc"]
            case _:
                used = any(product == number for _, product in self.listings.values())
                return self.products.pop(number, None) is not None and not used
        return True

    def listing(self, operation: dict[str, Any], number: int) -> bool:
        """Carry out an operation on listings; False if it must be refused."""
        others = {item for other, (item, _) in self.listings.items() if other != number}
        match operation["action"]:
            case 1 | 2:
                item, product = operation["channelItemId"], operation["unifiedProductId"]
                known = operation["action"] == 1 or number in self.listings
                if item in others or product not in self.products or not known:
                    return False
                self.listings[number] = (item, product)
            case _:
                return self.listings.pop(number, None) is not None
        return True


def some(chance: random.Random, known: dict[int, Any]) -> list[int]:
    """A few numbers, each once: mostly of what there is."""
    count = chance.randint(1, 3)
    return chance.sample([*known, *range(900, 901 + count)], count)


def batch_of(chance: random.Random, expected: Expected, collection: str) -> list[dict[str, Any]]:
    """Operations of which some collide, refer to what is not there, or take away what is referred to."""
    batch: list[dict[str, Any]] = []
    of_products = collection == "unifiedProducts"
    for number in some(chance, expected.products if of_products else expected.listings):
        values: dict[str, Any] = {"ean_upc": f"code-{chance.randint(1, 60)}"}
        if not of_products:
            values = {
                "channelItemId": f"item-{chance.randint(1, 60)}",
                "unifiedProductId": chance.choice([*expected.products, 901]),
            }
        create = example(collection) | values | {"action": 1}
        update, delete = {"action": 2, "id": number, **values}, {"action": 3, "id": number}
        batch.append(chance.choice((create, create, update, delete)))
    return batch


async def test_random_batches_are_carried_out_whole_or_not_at_all_and_equal_after_a_rebuild(
    database: Database, kafka: KafkaSettings
) -> None:
    chance = random.Random(20260117)
    expected, outcomes = Expected(), Counter[tuple[str, int]]()
    async with catalog(database.url, kafka) as api:
        for _ in range(120):
            collection = chance.choice(("unifiedProducts", "sellListings"))
            batch = batch_of(chance, expected, collection)
            answer = await api.post(collection, *batch)
            outcomes[collection, answer.status] += 1
            trial = expected.copy()
            carry_out = trial.product if collection == "unifiedProducts" else trial.listing
            if answer.status == 200:
                numbers = [int(value) if value else one["id"] for value, one in zip(answer.values, batch, strict=True)]
                for one, number in zip(batch, numbers, strict=True):
                    assert carry_out(one, number), (one, answer.json)
                expected = trial
            else:
                assert answer.status == 400, answer.json
                unused = iter(range(10_000, 10_010))
                fates = [carry_out(one, one.get("id") or next(unused)) for one in batch]
                assert not all(fates), (batch, answer.json)
                assert f"[{fates.index(False)}]: " in answer.error, "the first operation that is impossible is told"
        products = {number: row["ean_upc"] for number, row in (await api.all_rows("unifiedProducts")).items()}
        listings = {
            number: (row["channelItemId"], row["unifiedProductId"])
            for number, row in (await api.all_rows("sellListings")).items()
        }
    assert (products, listings) == (expected.products, expected.listings)
    assert len(outcomes) == 4, "batches of both kinds were carried out, and refused"
    assert min(outcomes.values()) >= 10, outcomes
    for model in (PRODUCTS, LISTINGS):
        proof = await Rebuild(model, kafka, database).verify()
        assert proof.equal, proof.diff


class Killed(Exception):
    """The process ends here: PostgreSQL rolls back whatever was not committed."""


class FragilePublisher(Publisher):
    """Each publication takes its turn of the faults, for all of a batch alike."""

    turns: Iterator[str]
    met: Counter[str]
    database: Database
    now: str | None = None

    def fault(self) -> str:
        """The fault of this batch: its records are sent in one pass of the loop."""
        if self.now is None:
            self.now = next(self.turns)
            asyncio.get_running_loop().call_soon(self.next_one)
        return self.now

    def next_one(self) -> None:
        self.now = None

    async def send(self, topic: str, *rest: Any, **options: Any) -> RecordMetadata:
        fault = self.fault()
        self.met[fault] += 1
        if fault == "before":
            raise Killed
        if fault == "refused":
            raise NotPublished("Kafka did not acknowledge")
        sent = await super().send(topic, *rest, **options)
        if fault == "behind":
            raise Killed
        if fault == "unknown":
            raise NotPublished("Kafka did not acknowledge, but has it")
        if fault == "commit":
            async with self.database.connection() as connection:
                await connection.execute(
                    """
                    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                    WHERE application_name = 'its commits get lost' AND state LIKE 'idle in transaction%'
                    """
                )
        return sent


@asynccontextmanager
async def fragile_catalog(
    database: Database, kafka: KafkaSettings, publisher: FragilePublisher
) -> AsyncIterator[Catalog]:
    """POST /unifiedProducts on a publisher and a database that fail."""
    async with (
        Database(database.url, application="its commits get lost", most=4) as fragile,
        Commands(fragile, kafka, publisher, "catalog", READ_MODELS, patience=20) as commands,
    ):
        writing = Writing(BY_COLLECTION["unifiedProducts"], commands, Sequences(database))
        app = web.Application()
        Api("catalog", "0", "", routes=writing.routes()).add_to(app)
        prepare_application(app, "catalog", Health({}))
        async with TestServer(app) as server, aiohttp.ClientSession(base_url=str(server.make_url("/"))) as session:
            yield Catalog(session)


async def test_hurt_between_publish_and_commit_rows_topics_and_answers_agree(
    database: Database, kafka: KafkaSettings
) -> None:
    """Callers repeat each batch under its key until it is answered. What was answered is there once, under the numbers
    that were told; of a barcode that two callers want, one has it; a rebuild gives the same digest."""
    faults = ("", "before", "behind", "", "unknown", "commit", "refused")
    told: dict[str, int] = {}
    refused: list[str] = []
    async with (
        FragilePublisher(kafka, "tests") as publisher,
        Publisher(kafka, "projector") as calm,
        projecting(PRODUCTS, kafka, calm, database),
        fragile_catalog(database, kafka, publisher) as api,
    ):
        publisher.met, publisher.database, publisher.turns = Counter(), database, cycle(faults)

        async def caller(name: str) -> None:
            for count in range(9):
                shared = f"contested-{count}" if count % 3 == 0 else f"{name}-{count}-b"
                codes = [f"{name}-{count}-a", shared]
                batch = [example("unifiedProducts") | {"ean_upc": code} for code in codes]
                while True:
                    answer = await api.post("unifiedProducts", *batch, Idempotency_Key=f"{name}-{count}")
                    if answer.status in (200, 400):
                        break
                if answer.status == 200:
                    told.update(zip(codes, map(int, answer.values), strict=True))
                else:
                    assert f"ean_upc '{shared}' is taken" in answer.error
                    refused.append(shared)

        await asyncio.gather(caller("x"), caller("y"))
        reach = await extents(kafka, await partitions_of(kafka, PRODUCTS.topics))
        await until_read(database, PRODUCTS, sum(extent.end for extent in reach.values()))
    assert sorted(refused) == [f"contested-{count}" for count in range(0, 9, 3)], "one of two got each of them"
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT * FROM read_models.unified_products")
    assert {row["ean_upc"]: row["unified_product_id"] for row in rows} == told
    assert len(rows) == len(told) == 2 * (2 * 9) - 2 * 3
    assert publisher.met.keys() == set(faults), "every fault was met"
    proof = await Rebuild(PRODUCTS, kafka, database).verify()
    assert proof.equal, proof.diff
