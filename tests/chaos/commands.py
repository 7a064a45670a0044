"""`python -m tests.chaos.commands`: commands hurt between publishing and commit, thousands of times; seeded.

Callers create and change several products in each request, under an Idempotency-Key, and repeat it until it is
answered. Each record of each batch meets a fault of its own:

| fault     | what happens                                                                      |
|-----------|-----------------------------------------------------------------------------------|
| before    | the process dies before the record is sent                                        |
| refused   | Kafka does not acknowledge, and does not have it                                  |
| behind    | the process dies behind the record                                                |
| unknown   | Kafka does not acknowledge, but has it                                            |
| commit    | the connections to PostgreSQL are cut before the commit                           |

Then: every batch is whole in the rows and in the log, every answer is true, nothing is there twice, and a rebuild from
the topic gives the same digest.
"""

import argparse
import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiokafka.structs import RecordMetadata

from libs.bus.publisher import NotPublished, Publisher
from libs.bus.reader import extents, partitions_of
from libs.bus.settings import KafkaSettings
from libs.bus.topics import apply_topics
from libs.commands.run import Commands
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.entities.sequences import Sequences
from libs.http.openapi import Api
from libs.http.server import Health, prepare_application
from libs.projection.rebuild import Rebuild
from libs.read_models import READ_MODELS
from libs.stack import choose_stack, state_folder
from libs.stack.locks import unused_folder
from libs.telemetry.log import configure_logs
from schemas.entities import BY_COLLECTION
from schemas.topics import topics
from services.catalog.writing import Writing
from tests.integration.running_catalog import Catalog, example
from tests.projecting import projecting, until_read

PRODUCTS = READ_MODELS["unified_products"]
FAULTS = ("before", "refused", "behind", "unknown", "commit")
HURT = 0.5
"""The share of records that meet a fault."""

_FRAGILE = "its commits get lost"


class Killed(Exception):
    """The process ends here: PostgreSQL rolls back whatever was not committed."""


class FragilePublisher(Publisher):
    """Fails at a chosen point of each record, as a dying process, a dying connection or Kafka would."""

    chance: random.Random
    database: Database
    met: Counter[str]

    async def send(self, topic: str, *rest: Any, **options: Any) -> RecordMetadata:
        fault = self.chance.choice(FAULTS) if self.chance.random() < HURT else ""
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
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                    "WHERE application_name = $1 AND state LIKE 'idle in transaction%'",
                    _FRAGILE,
                )
        return sent


@dataclass
class Outcome:
    """What was answered: the last title and the number of each product by its barcode, and how often what was met."""

    told: dict[str, tuple[int, str]] = field(default_factory=dict)
    batches: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def hurt(self) -> int:
        return sum(count for fault, count in self.faults.items() if fault)


@asynccontextmanager
async def _catalog(database: Database, kafka: KafkaSettings, publisher: Publisher) -> AsyncIterator[Catalog]:
    async with (
        Database(database.url, application=_FRAGILE, most=6) as fragile,
        Commands(fragile, kafka, publisher, "catalog", READ_MODELS, patience=30) as commands,
    ):
        app = web.Application()
        writing = Writing(BY_COLLECTION["unifiedProducts"], commands, Sequences(database))
        Api("catalog", "0", "", routes=writing.routes()).add_to(app)
        prepare_application(app, "catalog", Health({}))
        async with TestServer(app) as server, aiohttp.ClientSession(base_url=str(server.make_url("/"))) as session:
            yield Catalog(session)


async def hurt(database: Database, kafka: KafkaSettings, *, faults: int, seed: int, callers: int = 3) -> Outcome:
    """Commands under faults until so many were met; then everything is checked. Raises AssertionError."""
    outcome, chance = Outcome(), random.Random(seed)
    async with (
        FragilePublisher(kafka, "chaos") as publisher,
        Publisher(kafka, "projector") as calm,
        projecting(PRODUCTS, kafka, calm, database),
    ):
        publisher.chance, publisher.database, publisher.met = random.Random(seed + 1), database, outcome.faults
        async with _catalog(database, kafka, publisher) as api:

            async def answered(key: str, *operations: dict[str, Any]) -> list[int]:
                while True:
                    answer = await api.post("unifiedProducts", *operations, Idempotency_Key=key)
                    if answer.status == 200:
                        outcome.batches += 1
                        return [int(value) for value in answer.values]
                    assert answer.status in (500, 503), answer.json

            async def caller(name: str) -> None:
                count = 0
                while outcome.hurt < faults:
                    count += 1
                    codes = [f"{name}-{count}-{place}" for place in range(chance.randint(1, 4))]
                    made = [example("unifiedProducts") | {"ean_upc": code, "title": "new"} for code in codes]
                    numbers = await answered(f"{name}-{count}-new", *made)
                    title = f"{name}-{count}"
                    changes = [{"action": 2, "id": number, "title": title} for number in numbers]
                    assert await answered(f"{title}-change", *changes) == numbers
                    outcome.told |= {code: (number, title) for code, number in zip(codes, numbers, strict=True)}

            await asyncio.gather(*(caller(f"c{number}") for number in range(callers)))
        reach = await extents(kafka, await partitions_of(kafka, PRODUCTS.topics))
        await until_read(database, PRODUCTS, sum(extent.end for extent in reach.values()), seconds=120)
    await _check(database, kafka, outcome)
    return outcome


async def _check(database: Database, kafka: KafkaSettings, outcome: Outcome) -> None:
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT ean_upc, unified_product_id, title FROM read_models.unified_products")
        unfinished = await connection.fetchval("SELECT count(*) FROM commands.batches")
    found = {row["ean_upc"]: (row["unified_product_id"], row["title"]) for row in rows}
    assert len(found) == len(rows), "nothing is there twice"
    assert found == outcome.told, "every batch is whole, and every answer is true"
    assert unfinished == 0, "no batch is left unfinished"
    proof = await Rebuild(PRODUCTS, kafka, database).verify()
    assert proof.equal, proof.diff


async def campaign(faults: int, seed: int) -> Outcome:
    """On a Kafka and a PostgreSQL of its own (or those that the environment names)."""
    with unused_folder(state_folder(os.environ) / "chaos") as folder:
        async with choose_stack(os.environ, folder) as endpoints:
            name = f"chaos_commands_{uuid4().hex[:8]}"
            kafka = KafkaSettings(bootstrap_servers=endpoints.kafka_bootstrap_servers, topic_prefix=f"{name}.")
            needed = [topics()["unified_products"], topics()["projector-dlt"]]
            await apply_topics(kafka.bootstrap_servers, needed, prefix=kafka.topic_prefix)
            server = await asyncpg.connect(endpoints.database_url)
            await server.execute(f"CREATE DATABASE {name}")
            url = endpoints.database_url.rpartition("/")[0] + f"/{name}"
            try:
                async with Database(url, application="chaos") as database:
                    await migrate(database)
                    return await hurt(database, kafka, faults=faults, seed=seed)
            finally:
                await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
                await server.close()


def main() -> int:
    """Exit status: 0 if everything agreed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--faults", type=int, default=3000, help="how many are met")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    configure_logs("chaos", level="CRITICAL")
    outcome = asyncio.run(campaign(arguments.faults, arguments.seed))
    told = ", ".join(f"{fault} {outcome.faults[fault]}" for fault in FAULTS)
    print(
        f"{outcome.hurt} faults ({told}) in {outcome.batches} answered batches of {len(outcome.told)} products: "
        "rows, topic and answers agree, and a rebuild gives the same digest."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
