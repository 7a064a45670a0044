"""Replays without side effects: a rebuild asks no marketplace anything, and a retry reaches only who had failed."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from schemas.topics import topics
from services.ops.replay import Wanted, deliver, look
from tests.chaos.actions import ordinary
from tests.chaos.evidence import MARK, REDRIVE_TO, Evidence, LogRecord
from tests.chaos.gather import Log, gather, rows_of
from tests.chaos.injection import consumers_of, inject
from tests.chaos.plan import READ_MODELS, SERVICES
from tests.chaos.scenario import Run
from tests.chaos.system import running_chaos
from tests.chaos.verdict import judge

pytestmark = pytest.mark.timeout(200)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def run(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Run]:
    """A system with some of everything in its topics, all of it handled."""
    folder: Path = tmp_path_factory.mktemp("replays")
    async with running_chaos(folder, "single", seed=1) as system:
        log = Log(system.stack.bootstrap_servers)
        await log.open()
        try:
            made = Run(system, log)
            assert await made.warm_up() == []
            yield made
        finally:
            await log.close()


def sizes(run: Run) -> Mapping[str, int]:
    return {topic: len(records) for topic, records in run.log.records.items()}


async def seen(run: Run) -> Evidence:
    return await gather(run.system, run.log, run.injected)


async def test_a_rebuild_asks_no_marketplace_and_tells_nobody(run: Run) -> None:
    before, asked = sizes(run), run.system.links["api"].bytes_to_server
    for name in READ_MODELS[:3]:  # a rebuild is the same for all of them, and takes seconds
        status, output = await run.system.command("read-models", "rebuild", name)
        assert status == 0, output
    assert await run.settle() == []
    assert run.system.links["api"].bytes_to_server == asked, "a rebuild spent a marketplace's quota"
    assert sizes(run) == before, "a rebuild wrote into a topic"


async def test_a_retry_reaches_only_the_consumer_that_failed(run: Run) -> None:
    chance = random.Random(4)
    good = list(run.log.records["orders"])
    poison = await inject(run.system.stack.bootstrap_servers, "orders", "half a document", good, chance)
    assert poison is not None
    run.injected[poison.mark] = poison
    assert await run.settle() == []
    asked = run.system.links["api"].bytes_to_server
    (letter,) = _marked(run, "projector-dlt", poison.mark)
    name = f"projector:{letter.partition}:{letter.offset}"
    status, output = await run.system.command("dlq", "retry", name, "--why", "a test", "--yes")
    assert status == 0, output
    assert await run.settle() == []
    again = [each for each in _marked(run, "orders", poison.mark) if each.header(REDRIVE_TO) is not None]
    assert [each.header(REDRIVE_TO) for each in again] == ["projector"]
    others = len(consumers_of("orders")) - 1
    letters = [len(_marked(run, topic, poison.mark)) for topic in ("projector-dlt", "mercadolibre-enricher-dlt")]
    assert letters == [2, others], "the retry failed again for the projector, and nobody else looked at it"
    assert run.system.links["api"].bytes_to_server == asked, "a retry for the projector asked a marketplace"


REPLAYED = [
    (name, consumer) for name, topic in topics().items() for consumer in topic.consumers if consumer in SERVICES
]


async def test_a_replay_has_no_effect_outside_and_changes_nothing(run: Run) -> None:
    """For every service that is given records, and every topic that it is given: the whole topic once more."""
    await run.log.read()
    before, asked = await seen(run), run.system.links["api"].bytes_to_server
    kafka = KafkaSettings(bootstrap_servers=run.system.stack.bootstrap_servers)
    async with Publisher(kafka, "tests") as publisher:
        for topic, consumer in REPLAYED:
            wanted = Wanted(topic, consumer, datetime(2020, 1, 1, tzinfo=UTC))
            plan = await look(kafka, wanted, "a test")
            async for _ in deliver(kafka, publisher, wanted, plan, "a test"):
                pass
    assert await run.settle() == []
    await asyncio.sleep(1)  # longer than notifications are gathered: a request would have been made by now
    after = await seen(run)
    assert run.system.links["api"].bytes_to_server == asked, "a replay spent a marketplace's quota"
    assert judge(after) == []
    assert after.rows == before.rows
    for topic in ("webhooks", *READ_MODELS):
        known = len([each for each in before.of(topic) if each.header(REDRIVE_TO) is None])
        assert len(after.of(topic)) == len(before.of(topic)) + known, f"{topic}: the copies, and no fact beside them"
    assert all(before.of(topic) for topic in ("webhooks", "orders", "payments")), "there was nothing to replay"


async def test_what_is_sent_again_for_another_is_passed_over(run: Run) -> None:
    await run.log.read()
    rows, asked = (await seen(run)).rows, run.system.links["api"].bytes_to_server
    for topic in ("webhooks", *READ_MODELS):
        good = ordinary(run.log.records[topic])
        written = await inject(run.system.stack.bootstrap_servers, topic, "for another", good, random.Random(topic))
        if written is not None:
            run.injected[written.mark] = written
    assert await run.settle() == []
    await asyncio.sleep(1)
    evidence = await seen(run)
    assert judge(evidence) == []
    assert evidence.rows == rows
    assert run.system.links["api"].bytes_to_server == asked, "a record for somebody else led to a request"


async def test_the_judge_sees_what_is_done_to_rows_behind_the_projectors_back(run: Run) -> None:
    assert judge(await seen(run)) == []
    database = await asyncpg.connect(run.system.stack.direct_database_url)
    try:
        for sabotage in (
            "UPDATE read_models.orders SET total_amount = total_amount + 0.01",
            "UPDATE read_models.payments SET status_history = '[]'",
            "DELETE FROM read_models.questions",
        ):
            transaction = database.transaction()
            await transaction.start()
            await database.execute(sabotage)
            rows = await rows_of(database)
            await transaction.rollback()
            evidence = replace(await seen(run), rows=rows)
            assert any("are not the fold of the topic" in problem for problem in judge(evidence)), sabotage
    finally:
        await database.close()


def _marked(run: Run, topic: str, mark: str) -> list[LogRecord]:
    return [each for each in run.log.records[topic] if each.header(MARK) == mark]
