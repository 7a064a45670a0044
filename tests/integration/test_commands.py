"""Commands: decided under lock, published, applied and committed; whatever fails, rows, topics and answers agree."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from aiokafka.structs import RecordMetadata

from libs.bus.publisher import NotPublished, Publisher
from libs.bus.reader import Partition, extents, partitions_of, read_range
from libs.bus.settings import KafkaSettings
from libs.commands.command import Command
from libs.commands.errors import FactRefused, OtherRequest, ReadModelBehind
from libs.commands.requests import Request
from libs.commands.run import Commands
from libs.db.errors import DatabaseAway
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.projection.live_build import OtherVersion
from libs.projection.rebuild import Rebuild
from libs.projection.swap import rollback
from libs.read_models import READ_MODELS
from libs.read_models.search_runs.project import READ_MODEL as SEARCH_RUNS
from libs.read_models.search_runs.project import SearchRunRow
from tests.projecting import projecting, scalar, until
from tests.searching import append, create, key, run


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, application="commands' test") as opened:
        await migrate(opened)
        yield opened


@asynccontextmanager
async def commanding(
    database: Database, kafka: KafkaSettings, publisher: Publisher, patience: float = 20
) -> AsyncIterator[Commands]:
    async with Commands(database, kafka, publisher, "tests", READ_MODELS, patience=patience) as commands:
        yield commands


@pytest.fixture
async def commands(database: Database, kafka: KafkaSettings, publisher: Publisher) -> AsyncIterator[Commands]:
    async with commanding(database, kafka, publisher) as opened:
        yield opened


async def stored(database: Database, number: int) -> SearchRunRow | None:
    async with database.connection() as connection:
        record = await connection.fetchrow("SELECT * FROM read_models.search_runs WHERE key = $1", key(number))
        return None if record is None else SEARCH_RUNS.row_of(record)


async def logged(kafka: KafkaSettings) -> list[tuple[Partition, int, str]]:
    """Every record of the topic: where it stands, and its key."""
    partitions = await partitions_of(kafka, SEARCH_RUNS.topics)
    reach = await extents(kafka, partitions)
    found = []
    begin = {one: extent.begin for one, extent in reach.items()}
    async for chunks in read_range(kafka, begin, {one: extent.end for one, extent in reach.items()}, max_records=500):
        for partition, chunk in chunks.items():
            found += [(partition, record.offset, (record.key or b"").decode()) for record in chunk.records]
    return found


async def caught_up(database: Database, kafka: KafkaSettings) -> None:
    """Wait until the projector has read everything."""
    reach = await extents(kafka, await partitions_of(kafka, SEARCH_RUNS.topics))

    async def done() -> bool:
        async with database.connection() as connection:
            rows = await connection.fetch(
                """
                SELECT topic, partition, next_offset FROM projection.checkpoints JOIN projection.builds ON id = build
                WHERE read_model = 'search_runs' AND builds.place = 'live'
                """
            )
        at = {Partition(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        return all(at.get(one, 0) >= extent.end for one, extent in reach.items())

    await until(done, "the projector is at the end of the log")


async def test_the_row_is_there_with_the_answer_and_the_projector_finds_nothing_to_do(
    commands: Commands, database: Database, kafka: KafkaSettings, publisher: Publisher
) -> None:
    number = await commands.run(create)
    row = await stored(database, number)
    assert row is not None
    assert row.query_text == "iphone 15"
    assert await logged(kafka) == [(Partition(row.log_topic, row.log_partition), row.log_offset, key(number))]
    async with projecting(SEARCH_RUNS, kafka, publisher, database):
        await caught_up(database, kafka)
    assert await stored(database, number) == row
    assert (await Rebuild(SEARCH_RUNS, kafka, database).verify()).equal


async def test_commands_on_one_row_are_decided_one_after_the_other(
    commands: Commands, database: Database, kafka: KafkaSettings, publisher: Publisher
) -> None:
    async with projecting(SEARCH_RUNS, kafka, publisher, database):
        number = await commands.run(create)
        words = [f"w{n}" for n in range(20)]
        await asyncio.gather(*(commands.run(partial(append, number=number, word=word)) for word in words))
        row = await stored(database, number)
        assert row is not None
        assert sorted(row.query_text.split()[2:]) == sorted(words)


async def test_a_row_never_goes_back_while_the_projector_is_behind(
    commands: Commands, database: Database, kafka: KafkaSettings, publisher: Publisher
) -> None:
    number = await commands.run(create)
    for word in ("a", "b", "c"):
        await commands.run(partial(append, number=number, word=word))
    seen: list[int] = []
    async with projecting(SEARCH_RUNS, kafka, publisher, database):
        end = asyncio.create_task(caught_up(database, kafka))
        while not end.done():
            row = await stored(database, number)
            assert row is not None
            seen.append(row.log_offset)
            await asyncio.sleep(0.01)
        await end
    assert set(seen) == {3}


async def test_verify_is_equal_and_a_swap_takes_nothing_away_while_the_projector_is_behind(
    commands: Commands, database: Database, kafka: KafkaSettings, publisher: Publisher
) -> None:
    numbers = [await commands.run(create) for _ in range(8)]
    rebuild = Rebuild(SEARCH_RUNS, kafka, database)
    assert (await rebuild.verify()).equal  # no projector has run: every checkpoint is at the beginning
    outcome = await rebuild.rebuild()
    assert outcome.swapped
    assert all([await stored(database, number) for number in numbers])
    assert await commands.run(partial(append, number=numbers[0], word="after")) == "iphone 15 after"
    async with projecting(SEARCH_RUNS, kafka, publisher, database):
        await caught_up(database, kafka)
    assert (await rebuild.verify()).equal


async def test_rebuilds_and_commands_go_on_side_by_side(
    commands: Commands, database: Database, kafka: KafkaSettings, publisher: Publisher
) -> None:
    async with projecting(SEARCH_RUNS, kafka, publisher, database):
        numbers = [await commands.run(create) for _ in range(3)]
        stop = asyncio.Event()
        answers: dict[int, str] = {}

        async def busy(number: int) -> None:
            count = 0
            while not stop.is_set():
                count += 1
                answers[number] = await commands.run(partial(append, number=number, word=f"w{count % 7}"))
                row = await stored(database, number)
                assert row is not None
                assert row.query_text == answers[number], "a reader sees what was answered, also right after a swap"
                await asyncio.sleep(0.01)

        tasks = [asyncio.create_task(busy(number)) for number in numbers]
        try:
            for _ in range(2):
                assert (await Rebuild(SEARCH_RUNS, kafka, database).rebuild()).swapped
        finally:
            stop.set()
            await asyncio.gather(*tasks)
        for number in numbers:
            row = await stored(database, number)
            assert row is not None
            assert row.query_text == answers[number]


async def test_after_a_rollback_nothing_is_decided_against_old_rows(
    commands: Commands, database: Database, kafka: KafkaSettings, publisher: Publisher
) -> None:
    async with projecting(SEARCH_RUNS, kafka, publisher, database):
        number = await commands.run(create)
        await caught_up(database, kafka)
        await Rebuild(SEARCH_RUNS, kafka, database).rebuild()
        await commands.run(partial(append, number=number, word="later"))
        await rollback(SEARCH_RUNS, database)
        assert await commands.run(partial(append, number=number, word="last")) == "iphone 15 later last"


async def test_a_database_without_the_log_s_rows_waits_for_the_projector_and_gives_no_number_twice(
    commands: Commands, database: Database, kafka: KafkaSettings, publisher: Publisher
) -> None:
    numbers = [await commands.run(create) for _ in range(5)]
    async with database.connection() as connection:
        await connection.execute("DROP TABLE read_models.search_runs; DELETE FROM projection.builds")
        await connection.execute("ALTER SEQUENCE commands.search_runs RESTART")
    async with commanding(database, kafka, publisher, patience=0.2) as impatient:

        async def create_all() -> None:
            for _ in range(20):  # the keys come to every partition
                await impatient.run(create)

        with pytest.raises(ReadModelBehind, match="the projector has to apply"):
            await create_all()
    async with commanding(database, kafka, publisher) as fresh, projecting(SEARCH_RUNS, kafka, publisher, database):
        assert await fresh.run(create) not in numbers
        await caught_up(database, kafka)
        assert await scalar(database, "SELECT count(*) FROM read_models.search_runs") >= 6  # type: ignore[operator]


async def test_another_version_s_table_is_refused(
    commands: Commands, database: Database, kafka: KafkaSettings, publisher: Publisher
) -> None:
    await commands.run(create)
    async with database.connection() as connection:
        await connection.execute("UPDATE projection.builds SET version = 7 WHERE read_model = 'search_runs'")
    async with commanding(database, kafka, publisher) as others:
        with pytest.raises(OtherVersion, match="has version 7, this program has version 1"):
            await others.run(create)


async def test_what_a_row_cannot_hold_is_not_published(
    commands: Commands, database: Database, kafka: KafkaSettings
) -> None:
    async def work(command: Command) -> None:
        await command.row(SEARCH_RUNS, key(1))
        command.record(SEARCH_RUNS, run(1, http_status=2**40))

    with pytest.raises(FactRefused, match="http_status is beyond 32 bits"):
        await commands.run(work)
    assert await logged(kafka) == []


async def test_an_error_of_the_work_leaves_nothing(
    commands: Commands, database: Database, kafka: KafkaSettings
) -> None:
    async def work(command: Command) -> None:
        await create(command)
        raise KeyError("the work's own")

    with pytest.raises(KeyError):
        await commands.run(work)
    assert await logged(kafka) == []
    assert await scalar(database, "SELECT count(*) FROM read_models.search_runs") == 0


async def test_a_batch_is_one_transaction(commands: Commands, database: Database) -> None:
    async def work(command: Command) -> list[int]:
        numbers = await command.new_ids("search_runs", 30)
        await command.rows(SEARCH_RUNS, [key(number) for number in numbers])
        for number in numbers:
            command.record(SEARCH_RUNS, run(number), new_in="search_runs")
        command.record(SEARCH_RUNS, run(numbers[0], "twice in one command"))
        return numbers

    batches = await asyncio.gather(*(commands.run(work) for _ in range(4)))
    assert len({number for batch in batches for number in batch}) == 120
    assert await scalar(database, "SELECT count(*) FROM read_models.search_runs") == 120
    assert all([(await stored(database, batch[0])).query_text == "twice in one command" for batch in batches])  # type: ignore[union-attr]


async def test_a_request_is_carried_out_once(commands: Commands, database: Database, kafka: KafkaSettings) -> None:
    request = Request("searchRuns", "k-1", b"one")
    answers = await asyncio.gather(*(commands.run_once(request, create) for _ in range(5)))
    assert len({answer for answer, _ in answers}) == 1
    assert sorted(old for _, old in answers) == [False, True, True, True, True]
    assert len(await logged(kafka)) == 1
    with pytest.raises(OtherRequest, match="another request"):
        await commands.run_once(Request("searchRuns", "k-1", b"two"), create)
    assert await commands.run_once(Request("elsewhere", "k-1", b"two"), create) != answers[0]


class Killed(Exception):
    """The process ends here: PostgreSQL rolls back whatever was not committed."""


@dataclass
class Fault:
    """Where the next command is hurt."""

    point: str = ""
    hurt: Callable[[], Awaitable[None]] | None = None
    counts: dict[str, int] = field(default_factory=dict)


class FragilePublisher(Publisher):
    """Fails at a chosen point of each publication, as a dying process, a dying connection or Kafka would."""

    fault: Fault

    async def send(self, topic: str, *rest: Any, **options: Any) -> RecordMetadata:
        point, self.fault.point = self.fault.point, ""
        if point:
            self.fault.counts[point] = self.fault.counts.get(point, 0) + 1
        if point == "before publishing":
            raise Killed
        if point == "refused":
            raise NotPublished("Kafka did not acknowledge")
        sent = await super().send(topic, *rest, **options)
        if point == "behind publishing":
            raise Killed
        if point == "unknown":
            raise NotPublished("Kafka did not acknowledge, but has it")
        if point == "commit" and self.fault.hurt is not None:
            await self.fault.hurt()
        return sent


POINTS = ("", "", "before publishing", "refused", "behind publishing", "unknown", "commit")


async def test_hurt_anywhere_rows_topics_and_answers_agree(
    database: Database, database_url: str, kafka: KafkaSettings
) -> None:
    """Appends under faults by several callers, each repeating under its key until it is answered: every word is in the
    row exactly once, in the order of the answers; the log ends in what the row says; a rebuild gives the same digest.
    """
    chance = random.Random(7)
    async with (
        FragilePublisher(kafka, "tests") as publisher,
        Database(database_url, application="its commits get lost", most=4) as fragile,
        commanding(fragile, kafka, publisher) as commands,
        Publisher(kafka, "projector") as calm,
        projecting(SEARCH_RUNS, kafka, calm, database),
    ):
        publisher.fault = Fault()

        async def cut() -> None:
            await scalar(
                database,
                """
                SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE application_name = 'its commits get lost' AND state LIKE 'idle in transaction%'
                """,
            )

        publisher.fault.hurt = cut
        numbers = [await commands.run(create) for _ in range(3)]
        said: dict[int, list[str]] = {number: [] for number in numbers}

        async def caller(name: int) -> None:
            for count in range(20):
                number = chance.choice(numbers)
                word = f"c{name}n{count}"
                request = Request("append", word, word.encode())
                while True:
                    publisher.fault.point = chance.choice(POINTS)
                    try:
                        work = partial(append, number=number, word=word)
                        query, _ = await commands.run_once(request, work)
                    except (Killed, NotPublished, DatabaseAway):
                        continue
                    said[number].append(query)
                    break

        await asyncio.gather(*(caller(name) for name in range(4)))
        await caught_up(database, kafka)
        for number in numbers:
            row = await stored(database, number)
            assert row is not None
            words = row.query_text.split()[2:]
            assert len(words) == len(set(words)), "nothing was applied twice"
            assert sorted(words) == sorted({query.split()[-1] for query in said[number]}), "every answer is true"
            assert all(row.query_text.startswith(query) for query in said[number]), "nothing was decided on an old row"
        assert set(publisher.fault.counts) == set(POINTS) - {""}
        proof = await Rebuild(SEARCH_RUNS, kafka, database).verify()
        assert proof.equal, proof.diff


async def test_killed_anywhere_every_answered_command_is_carried_out_once(
    commands: Commands, database: Database, kafka: KafkaSettings, publisher: Publisher
) -> None:
    """Two processes on one row, killed again and again. What they printed is in the row, each word once, and a word
    that was under way is there once at most."""
    chance = random.Random(11)
    number = await commands.run(create)
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
        "DATABASE_URL": database.url,
    }

    async def lives(name: str) -> list[str]:
        answered: list[str] = []
        for _ in range(3):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.commands_process", name, str(number), str(len(answered))),
                env=environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            assert process.stdout is not None
            for _ in range(chance.randint(3, 8)):
                answered.append((await process.stdout.readline()).decode().strip())
            await asyncio.sleep(chance.uniform(0, 0.03))
            process.kill()
            answered += (await process.stdout.read()).decode().split()
            await process.wait()
        return answered

    async with projecting(SEARCH_RUNS, kafka, publisher, database):
        told = await asyncio.gather(lives("a"), lives("b"))
        await caught_up(database, kafka)
        row = await stored(database, number)
        assert row is not None
        words = row.query_text.split()[2:]
        assert len(words) == len(set(words))
        for answered, name in zip(told, ("a", "b"), strict=True):
            ours = [word for word in words if word.startswith(f"{name}n")]
            assert ours[: len(answered)] == answered == [f"{name}n{count}" for count in range(len(answered))]
            assert len(ours) <= len(answered) + 1
        assert (await Rebuild(SEARCH_RUNS, kafka, database).verify()).equal
