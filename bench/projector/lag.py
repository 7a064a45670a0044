"""How far the live projection is behind: each event of a steady stream, from its sending to its committed row.

The producer sends at a fixed rate and notes when each event was due. Another connection looks at the projection's
checkpoints all the time: an event is visible at the end of the first look that finds the checkpoint behind it, which
is committed together with its row. So a lag holds the producer, Kafka, the projector, PostgreSQL, and the look itself.
"""

import asyncio
import secrets
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import asyncpg
from confluent_kafka import Message, Producer

from bench import PARTITIONS
from bench.kafka import Topics
from bench.packages import packages
from bench.projector.dataset import Dataset
from bench.projector.lags import Places, lags
from bench.projector.live import command
from bench.projector.peer import ProjectorFailed, clean_environment
from bench.projector.table import DATABASE_PREFIX, drop_left_over, empty_database
from bench.projector.topic import fact_record
from bench.results import OURS, Round, Runner
from bench.statistics import percentile
from libs.bus.partitioner import partition_of
from libs.stack import Endpoints
from libs.stack.ports import free_ports
from libs.stack.process import GuardedProcess, tail
from schemas.envelope import Header

WARM_UP_SECONDS = 2.0
PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.002
_TROUBLE = (ProjectorFailed, asyncpg.PostgresError, OSError)


@dataclass(frozen=True)
class LagScale:
    """A stream of so many events a second, for so many seconds after the warm-up."""

    seconds: float
    rate: int = 2_000

    @property
    def events(self) -> int:
        return round(self.rate * (self.seconds + WARM_UP_SECONDS))


class LagBenchmark:
    """A fresh topic and a fresh database for each round."""

    def __init__(self, endpoints: Endpoints, folder: Path, scale: LagScale) -> None:
        self._endpoints = endpoints
        self._folder = folder
        self._scale = scale

    async def round(self, number: int) -> Round:
        """One round. What goes wrong is the round's problem, not an exception."""
        name = f"lag-{number}-{secrets.token_hex(3)}"
        topics = Topics(self._endpoints.kafka_bootstrap_servers)
        topic = f"{name}.orders"
        try:
            async with empty_database(self._endpoints.database_url, f"{DATABASE_PREFIX}{name}") as url:
                await asyncio.to_thread(topics.create, topic)
                return Round(await self._measured(name, url))
        except _TROUBLE as error:
            return Round(problem=f"{type(error).__name__}: {error}")
        finally:
            await asyncio.to_thread(topics.delete, topic)

    async def _measured(self, name: str, url: str) -> dict[str, float | None]:
        (port,) = free_ports(1)
        settings = {
            "KAFKA_BOOTSTRAP_SERVERS": self._endpoints.kafka_bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": f"{name}.",
            "DATABASE_URL": url,
            "SELLSTREAM_STATE_DIR": str(self._folder / "state"),
            "PROJECTOR_PORT": str(port),
            "PROJECTOR_READ_MODELS": '["orders"]',
        }
        code, output = await command("db", "migrate", environment=settings)
        if code:
            raise ProjectorFailed(f"`sellstream db migrate` ended with exit code {code}: {output[-600:]}")
        log = self._folder / f"{name}.log"
        projector = await GuardedProcess.start(
            [sys.executable, "-m", "services.projector"], log=log, env=clean_environment(settings)
        )
        connection = await asyncpg.connect(url)
        try:
            await _until_begun(connection, projector, log)
            sending = asyncio.create_task(asyncio.to_thread(self._send, f"{name}.orders"))
            seen = await _watch(connection, self._scale.events, sending)
            sent, begun = await sending
        finally:
            await connection.close()
            await projector.stop()
        found = lags(sent, seen, begun + WARM_UP_SECONDS)
        return {
            "events": float(len(found)),
            "events_per_s": float(self._scale.rate),
            **{f"p{percent}_ms": percentile(found, percent) * 1e3 for percent in (50, 95, 99)},
            "max_ms": found[-1] * 1e3,
        }

    def _send(self, topic: str) -> tuple[Places, float]:
        """Send the stream; where each event stands and when it was due, and when the first was."""
        sent: Places = defaultdict(list)
        servers = self._endpoints.kafka_bootstrap_servers
        producer = Producer({"bootstrap.servers": servers, "acks": "all", "linger.ms": 2, "log_level": 3})
        records = list(self._records())  # made before: what it costs to make an event is no lag
        begun = time.monotonic() + 0.5
        for number, (key, value, headers, place) in enumerate(records):
            due = begun + number / self._scale.rate
            producer.poll(0)
            if (early := due - time.monotonic()) > 0:
                time.sleep(early)  # poll() takes whole milliseconds: with less than one it would spin

            def delivered(error: object, message: Message, due: float = due) -> None:
                if error is None:
                    sent[int(message.partition() or 0)].append((int(message.offset() or 0), due))

            producer.produce(topic, value, key, place, headers=headers, on_delivery=delivered)
        if producer.flush(PATIENCE_SECONDS) or sum(map(len, sent.values())) != self._scale.events:
            raise ProjectorFailed(f"{topic}: not all events could be sent")
        return sent, begun

    def _records(self) -> Iterator[tuple[bytes, bytes, list[Header], int]]:
        """The stream's events: key, value, headers, partition."""
        states = Dataset(self._scale.events, max(1, self._scale.events // 5)).states()
        for state in islice(states, self._scale.events):
            key = state.key.encode()
            value, headers = fact_record(state)
            yield key, value, [*headers], partition_of(key, PARTITIONS)


async def _until_begun(connection: "asyncpg.Connection[asyncpg.Record]", projector: GuardedProcess, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while await connection.fetchval("SELECT count(*) FROM projection.checkpoints") < PARTITIONS:
        if projector.exit_code is not None or time.monotonic() > deadline:
            raise ProjectorFailed(f"the projector does not begin; the end of {log}:\n{tail(log)}")
        await asyncio.sleep(0.1)


async def _watch(
    connection: "asyncpg.Connection[asyncpg.Record]", events: int, sending: "asyncio.Task[tuple[Places, float]]"
) -> Places:
    """What looks at the checkpoints found, until all events are in, or nothing has come for too long."""
    seen: Places = defaultdict(list)
    look = await connection.prepare("SELECT partition, next_offset FROM projection.checkpoints WHERE place = 'live'")
    moved = time.monotonic()
    while sum(looks[-1][0] for looks in seen.values()) < events:
        found, now = await look.fetch(), time.monotonic()
        for partition, end in found:
            looks = seen[partition]
            if end > (looks[-1][0] if looks else -1):
                looks.append((end, now))
                moved = now
        if sending.done():
            sending.result()  # what went wrong there ends this, too
        if now > moved + PATIENCE_SECONDS:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    return seen


async def run_lag(
    benchmark: LagBenchmark, endpoints: Endpoints, rounds: int, on_progress: Callable[[str], None]
) -> dict[str, Runner]:
    """All rounds of the one runner that there is."""
    await drop_left_over(endpoints.database_url)
    note = "from when an event was due to be sent to when its row was seen; behind a warm-up"
    runner = Runner("sellstream projector, live", packages("sellstream", "msgspec", "aiokafka", "asyncpg"), None, note)
    for number in range(1, rounds + 1):
        one = await benchmark.round(number)
        runner.rounds.append(one)
        told = one.problem or f"p50 {one.figures['p50_ms']:.0f} ms, p99 {one.figures['p99_ms']:.0f} ms"
        on_progress(f"round {number} of {rounds}, {runner.title}: {told}")
    return {OURS: runner}
