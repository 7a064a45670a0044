"""`sellstream dlq` as a person runs it, on dead letters that a real consumer has made."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from libs.bus.message import Outgoing, Received
from libs.bus.outcome import ErrorClass, Reject
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_one
from libs.db.dead_letter_actions import LOCK
from libs.db.locks import try_lock
from libs.db.migrate import migrate
from libs.db.pool import Database
from tests.integration.test_consumer import Seen, consuming, question, until

COMMAND = (sys.executable, "-m", "services.ops.cli", "dlq")


@dataclass
class Ended:
    status: int
    raw: bytes
    told: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def json(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Operator:
    """Somebody at a shell with the environment of one installation."""

    environ: dict[str, str]

    async def __call__(self, *arguments: str, stdin: bytes | None = None) -> Ended:
        process = await self.start(*arguments)
        out, errors = await process.communicate(stdin)
        assert process.returncode is not None
        assert b"Traceback" not in errors, errors.decode()
        return Ended(process.returncode, out, errors.decode())

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *COMMAND, *arguments, env=self.environ, stdin=pipe, stdout=pipe, stderr=pipe
        )


def operator(kafka: KafkaSettings, database_url: str) -> Operator:
    return Operator(
        {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
            "DATABASE_URL": database_url,
            "COLUMNS": "80",
        }
    )


@pytest.fixture
def unmigrated(kafka: KafkaSettings, unmigrated_url: str) -> Operator:
    return operator(kafka, unmigrated_url)


@pytest.fixture
def dlq(kafka: KafkaSettings, database_url: str) -> Operator:
    return operator(kafka, database_url)


async def refuse(records: Sequence[Received]) -> list[Outgoing]:
    raise Reject("not our [bold]item[/x] \x1b[31m", ErrorClass.POLICY)


async def send_raw(kafka: KafkaSettings, *values: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, max_request_size=12 * 1024 * 1024)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(kafka.topic("questions"), value, key=b"k\xff", headers=[("own", b"\xfe\x00")])
    finally:
        await producer.stop()


async def fail(
    kafka: KafkaSettings, publisher: Publisher, count: int, rule: Callable[..., Any] = refuse, first: int = 0
) -> None:
    """Publish facts and let a consumer put them into the dead letters."""
    for number in range(first, first + count):
        await publisher.publish(Outgoing(question(number), id=f"event-{number}"))
    await digest(kafka, publisher, count, rule)


async def digest(kafka: KafkaSettings, publisher: Publisher, count: int, rule: Callable[..., Any] = refuse) -> Seen:
    seen = Seen(rule)
    fates: list[object] = []
    async with consuming(kafka, publisher, seen) as consumer:
        settled = consumer._settled
        consumer._settled = lambda *args: (fates.extend(args[1]), settled(*args))[1]  # type: ignore[method-assign]  # watched, not replaced
        await until(lambda: len(fates) >= count, f"{count} records have a fate")
    return seen


async def handle(_records: Sequence[Received]) -> list[Outgoing]:
    return []


async def test_a_look_at_what_failed(kafka: KafkaSettings, publisher: Publisher, dlq: Operator) -> None:
    assert (await dlq("list")).out == "No open dead letters.\n"
    await fail(kafka, publisher, 2)
    await send_raw(kafka, b"\xff\xfe not text", b"x" * 100_000)
    await digest(kafka, publisher, 2)

    listed = await dlq("list")
    assert listed.status == 0
    assert "projector:0:0  policy  20" in listed.out
    assert r"    not our [bold]item[/x] \x1b[31m" in listed.out
    assert listed.out.endswith("2 poison of projector, 2 policy of projector\n")
    assert "\x1b" not in listed.out

    for options, count in (
        (("--consumer", "projector"), 4),
        (("--consumer", "mercadolibre_enricher"), 0),
        (("--class", "poison"), 2),
        (("--topic", "questions"), 4),
        (("--topic", "orders"), 0),
        (("--matching", "not our"), 2),
    ):
        assert len((await dlq("list", "--json", *options)).json) == count, options
    assert (await dlq("list", "--limit", "1")).out.startswith("The newest 1 of 4 (--limit 0 shows all).\nprojector:0:3")

    shown = await dlq("show", "projector:0:2")
    assert "  state           open\n" in shown.out
    assert "own: 0xfe00" in shown.out
    assert "00000000  ff fe 20 6e 6f 74 20 74 65 78 74                 .. not text" in shown.out
    assert "BrokenEnvelope" in shown.out
    large = (await dlq("show", "projector:0:3")).out
    assert len(large) < 20_000
    assert "… 100000 bytes in all: sellstream dlq show --raw projector:0:3" in large
    assert (await dlq("show", "--raw", "projector:0:2")).raw == b"\xff\xfe not text"
    assert (await dlq("show", "--raw", "projector:0:3")).raw == b"x" * 100_000
    (data,) = (await dlq("show", "--json", "projector:0:2")).json
    assert data["value_base64"] == "//4gbm90IHRleHQ="
    assert '"marketplace": "mercadolibre"' in (await dlq("show", "projector:0:0")).out


async def test_a_record_left_at_its_origin_is_shown_from_there(
    kafka: KafkaSettings, publisher: Publisher, dlq: Operator
) -> None:
    await send_raw(kafka, b"\xff" * 9_000_000)
    await digest(kafka, publisher, 1)
    assert (await dlq("show", "--raw", "projector:0:0")).raw == b"\xff" * 9_000_000
    (data,) = (await dlq("list", "--json")).json
    place = TopicPartition(kafka.topic("questions"), data["partition"])
    refused = await dlq("retry", "projector:0:0", "--why", "try", "--yes")
    assert refused.status == 1
    assert "MessageSizeTooLarge" in refused.told
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.delete_records({place: RecordsToDelete(before_offset=1)})
    await admin.close()
    gone = await dlq("show", "--raw", "projector:0:0")
    assert (gone.status, gone.raw) == (1, b"")
    assert "no longer there" in gone.told


async def test_a_retried_dead_letter_is_handled_by_the_one_that_failed(
    kafka: KafkaSettings, publisher: Publisher, dlq: Operator
) -> None:
    await fail(kafka, publisher, 3)
    plan = await dlq("retry", "--class", "policy", "--why", "the rule is mended", "--dry-run")
    assert plan.status == 0
    assert plan.out == (
        "retry: 3 dead letters\n"
        "       3  policy      back to questions, for projector only\n"
        "               3  not our [bold]item[/x] \\x1b[31m\n"
        "Effects outside: projector has none.\n"
        "They keep their event ids.\n"
    )
    no = await dlq("retry", "--class", "policy", "--why", "the rule is mended", stdin=b"n\n")
    assert no.status == 1
    assert len((await dlq("list", "--json")).json) == 3, "nothing was done"
    before = (await dlq("list", "--json")).json

    yes = await dlq("retry", "--class", "policy", "--why", "the rule is mended", stdin=b"y\n")
    assert (yes.status, yes.out.splitlines()[-1]) == (0, "Retry 3? [y/N]: 3 retried.")
    assert sorted((await digest(kafka, publisher, 3, handle)).texts) == [f"{n}/¿Tiene en talla 42?" for n in range(3)]
    assert (await dlq("list")).out == "No open dead letters.\n"
    told = (await dlq("list", "--all")).out
    assert told.count(": the rule is mended") == 3
    assert "retried by" in (await dlq("show", "projector:0:0")).out

    rows = (await dlq("history", "--json")).json
    assert sorted(row["id"] for row in rows) == ["projector:0:0", "projector:0:1", "projector:0:2"]
    for row in rows:
        topic, partition, offset = row["target"]
        again = await read_one(kafka, topic.removeprefix(kafka.topic_prefix), partition, offset)
        assert again is not None
        headers = dict(again.headers)
        assert headers["x-redrive-to"] == b"projector"
        assert headers["x-replay-count"] == b"1"
        assert headers["x-first-failed-at"].decode() in {letter["first_failed_at"] for letter in before}
        assert headers["ce_id"].startswith(b"event-")
    assert "the rule is mended  (as " in (await dlq("history")).out


async def test_a_second_failure_comes_back_and_after_three_it_is_quarantined(
    kafka: KafkaSettings, publisher: Publisher, dlq: Operator
) -> None:
    await fail(kafka, publisher, 1)
    (first,) = (await dlq("list", "--json")).json
    for count in (1, 2, 3):
        assert (await dlq("retry", "--consumer", "projector", "--why", "again", "--yes")).out.endswith("1 retried.\n")
        await digest(kafka, publisher, 1)
        (back,) = (await dlq("list", "--json")).json
        assert (back["id"], back["replays"]) == (f"projector:0:{count}", count)
        assert back["first_failed_at"] == first["first_failed_at"]
        again = {1: "open again after 1 retry", 2: "open again after 2 retries", 3: "open, quarantined after 3 retries"}
        assert f"    {again[count]}\n" in (await dlq("list")).out
    guarded = await dlq("retry", "--consumer", "projector", "--why", "again", "--yes")
    assert guarded.status == 0
    assert "1 dead letter in quarantine, retried 3 times or more, left alone (--force takes them too)." in guarded.out
    assert (await dlq("retry", "projector:0:3", "--why", "x", "--yes", "--force")).out.endswith("1 retried.\n")


async def test_discarded_is_closed_and_still_there(kafka: KafkaSettings, publisher: Publisher, dlq: Operator) -> None:
    await fail(kafka, publisher, 2)
    done = await dlq("discard", "projector:0:0", "--why", "spam", "--yes")
    assert (done.status, done.out.splitlines()[-1]) == (0, "1 discarded.")
    assert [letter["id"] for letter in (await dlq("list", "--json")).json] == ["projector:0:1"]
    assert len((await dlq("list", "--all", "--json")).json) == 2
    again = await dlq("retry", "projector:0:0", "--why", "no", "--yes")
    assert "projector:0:0 is left alone: discarded by" in again.told
    assert (await dlq("show", "--raw", "projector:0:0")).raw.startswith(b"{")


async def test_killed_in_the_middle_and_run_again(
    kafka: KafkaSettings, publisher: Publisher, dlq: Operator, database_url: str
) -> None:
    count = 40
    await fail(kafka, publisher, count)
    server = await asyncpg.connect(database_url)
    process = await dlq.start("retry", "--class", "policy", "--why", "mended", "--yes")
    try:
        async with asyncio.timeout(30):
            while not await server.fetchval("SELECT count(*) > 5 FROM ops.dead_letter_actions"):
                await asyncio.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        await process.communicate()
        # As if the kill had fallen between the sending and its note: that one is sent again, with the same event id.
        await server.execute(
            "UPDATE ops.dead_letter_actions SET completed_at = NULL, completed_by = NULL, who = 'ada@desk' "
            "WHERE log_offset = 0"
        )
        begun = await server.fetchval("SELECT count(*) FROM ops.dead_letter_actions")
        assert begun < count, "it was killed in the middle"
        assert "open, retry by ada@desk was not completed" in (await dlq("list")).out
        again = await dlq("retry", "--class", "policy", "--why", "mended", "--yes")
        assert again.status == 0
        assert (
            await server.fetchval(
                "SELECT count(*) FROM ops.dead_letter_actions WHERE completed_at > now() - '1h'::interval"
            )
            == count
        )
        who, by = await server.fetchrow("SELECT who, completed_by FROM ops.dead_letter_actions WHERE log_offset = 0")
        assert who == "ada@desk"
        assert by != who
    finally:
        await server.close()
    seen = Seen(handle)
    ids: list[str] = []

    async def note(records: Sequence[Received]) -> list[Outgoing]:
        ids.extend(received.envelope.id for received in records)
        return []

    seen.rule = note
    async with consuming(kafka, publisher, seen):
        await until(lambda: len(set(ids)) == count, "each of them comes back")
    assert set(ids) == {f"event-{number}" for number in range(count)}


async def test_what_kafka_refuses_for_good_does_not_keep_the_others_from_being_retried(
    kafka: KafkaSettings, publisher: Publisher, dlq: Operator
) -> None:
    """The oldest letters cannot be sent: one is too large for the producer, others name no place that there is."""
    await send_raw(kafka, b"\xff" * 9_000_000)
    await digest(kafka, publisher, 1)
    for origin in ([], [("__connect.errors.topic", b"a b")], [("__connect.errors.topic", b"gone\x1b")]):
        await publisher.send("projector-dlt", b"k", b"foreign", origin)
    left_nowhere = [("__connect.errors.topic", b"questions"), ("__connect.errors.partition", b"99")]
    await publisher.send("projector-dlt", None, b"", [*left_nowhere, ("x-left-at-origin", b"9000000")])
    await fail(kafka, publisher, 3)

    retried = await dlq("retry", "--consumer", "projector", "--why", "again", "--yes")
    assert (retried.status, retried.out.splitlines()[-1]) == (1, "3 retried.")
    refused = [f"projector:0:{number}" for number in range(5)]
    told = retried.told.splitlines()
    for letter, reason in zip(
        refused, ("MessageSizeTooLarge", "no topic", "no topic", "no topic", "cannot be read"), strict=True
    ):
        (line,) = (line for line in told if line.startswith(f"{letter} "))
        assert reason in line
        assert "discard" in line
    assert told[-1] == "5 could not be retried."
    assert "\x1b" not in retried.told
    assert sorted(letter["id"] for letter in (await dlq("list", "--json")).json) == refused, "they stay open"
    assert "was not completed" in (await dlq("show", "projector:0:0")).out
    assert len((await digest(kafka, publisher, 3, handle)).texts) == 3
    done = await dlq("discard", "--consumer", "projector", "--why", "never", "--yes")
    assert (done.status, done.out.splitlines()[-1]) == (0, "5 discarded.")


async def test_the_same_failure_written_twice_is_one(kafka: KafkaSettings, publisher: Publisher, dlq: Operator) -> None:
    """As after a kill between the dead letter and the commit."""
    await fail(kafka, publisher, 1)
    letter = await read_one(kafka, "projector-dlt", 0, 0)
    assert letter is not None
    await publisher.send("projector-dlt", letter.key, letter.value, list(letter.headers))
    assert [one["id"] for one in (await dlq("list", "--json")).json] == ["projector:0:0"]
    assert "the same failure as projector:0:0, written twice" in (await dlq("list", "--all")).out


async def test_one_operator_at_a_time(kafka: KafkaSettings, publisher: Publisher, dlq: Operator) -> None:
    await fail(kafka, publisher, 1)
    async with (
        Database(dlq.environ["DATABASE_URL"], application="test") as database,
        database.own_connection("sellstream dlq ada@desk") as connection,
    ):
        assert await try_lock(connection, LOCK)
        second = await dlq("retry", "projector:0:0", "--why", "x", "--yes")
    assert second.status == 1
    assert "retried or discarded by ada@desk just now" in second.told


async def test_wrong_use_is_a_sentence(kafka: KafkaSettings, publisher: Publisher, dlq: Operator) -> None:
    await fail(kafka, publisher, 1)
    for arguments, status, text in (
        (("show", "projector:0:99"), 1, "There is no dead letter projector:0:99."),
        (("show", "nonsense\x1b"), 1, r"There is no dead letter nonsense\x1b."),
        (("retry", "projector:0:0", "x:0:0", "--why", "y", "--yes"), 1, "There is no dead letter x:0:0."),
        (("retry", "--why", "y", "--yes"), 2, "name dead letters, or choose them"),
        (("retry", "projector:0:0", "--why", " ", "--yes"), 2, "say why"),
        (("retry", "projector:0:0"), 2, "--why"),
        (("list", "--consumer", "nobody"), 2, "'nobody' is none of"),
        (("list", "--topic", "nothing"), 2, "'nothing' is none of"),
        (("list", "--class", "bad"), 2, "'bad' is not one of"),
        (("history", "--limit", "0"), 2, "limit"),
    ):
        ended = await dlq(*arguments)
        assert (ended.status, text in ended.told) == (status, True), (arguments, ended)
    assert len((await dlq("list", "--json")).json) == 1, "nothing was done"


async def test_what_is_missing_is_said(kafka: KafkaSettings, unmigrated: Operator, tmp_path: Any) -> None:
    ended = await unmigrated("list")
    assert (ended.status, ended.out) == (1, "")
    assert "Run `sellstream db migrate` first" in ended.told
    environ = unmigrated.environ
    assert "PostgreSQL" in (await Operator(environ | {"DATABASE_URL": "postgresql://a:b@127.0.0.1:1/x"})("list")).told
    async with Database(environ["DATABASE_URL"], application="test") as database:
        await migrate(database)
    away = await Operator(environ | {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})("list")
    assert (away.status, away.told.count("\n")) == (1, 1), away
    assert "KafkaConnectionError" in away.told
    no_topics = await Operator(environ | {"KAFKA_TOPIC_PREFIX": "nowhere."})("list")
    assert no_topics.status == 1, no_topics
    assert no_topics.told.count("\n") == 1, no_topics
    nothing = {name: value for name, value in environ.items() if not name.startswith(("KAFKA_", "DATABASE_"))}
    nowhere = await Operator(nothing | {"SELLSTREAM_STATE_DIR": str(tmp_path)})("list")
    assert (nowhere.status, "Start them with `sellstream up`" in nowhere.told) == (1, True)
