"""Reads the evidence from a running system: raw Kafka, raw SQL, raw HTTP."""

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import aiohttp
import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.chaos.evidence import FACTS, Delivery, Evidence, Injected, LogRecord, State, Truth
from tests.chaos.injection import consumers_of
from tests.chaos.plan import SERVICES
from tests.chaos.system import ChaosSystem, readiness
from tests.chaos.verdict import LETTERS

READ = ("webhooks", *FACTS)
TOPICS = (*READ, *LETTERS.values())
GROUPS = {
    "mercadolibre_enricher": tuple(topic for topic in READ if "mercadolibre_enricher" in consumers_of(topic)),
    **{f"projector-{topic}": (topic,) for topic in FACTS},
}

SPOOLED = "gateway_spool_deliveries "
_FULL = re.compile(r'reason="(spool_full|kafka_away)"')

_COLUMNS = {
    "orders": "total_amount AS amount, total_currency AS currency",
    "payments": "amount, currency",
    "shipments": "cost_amount AS amount, cost_currency AS currency",
    "listings": "price_amount AS amount, price_currency AS currency",
    "invoices": "amount, currency",
}
_NO_AMOUNT = "NULL::numeric AS amount, NULL::text AS currency"
_TRUTH = {  # read model: the sandbox's collection, and the field that holds the amount
    "orders": ("orders", "total_amount"),
    "payments": ("payments", "transaction_amount"),
    "shipments": ("shipments", None),
    "questions": ("questions", None),
    "listings": ("items", "price"),
    "messages": ("messages", None),
    "claims": ("claims", None),
    "feedback": ("feedback", None),
    "invoices": ("invoices", "amount"),
}


class Log:
    """Everything in the topics, read once and kept: each `read` adds what is new."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._client = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
        self._partitions: list[TopicPartition] = []
        self.records: dict[str, list[LogRecord]] = {topic: [] for topic in TOPICS}

    async def open(self) -> None:
        await self._client.start()
        metadata = await self._client._client.fetch_all_metadata()
        self._partitions = [
            TopicPartition(topic, number)
            for topic in TOPICS
            for number in sorted(metadata.partitions_for_topic(topic) or ())
        ]
        self._client.assign(self._partitions)
        await self._client.seek_to_beginning(*self._partitions)

    async def close(self) -> None:
        await self._client.stop()

    async def read(self) -> dict[TopicPartition, int]:
        """Read to the ends as they are now; answers them."""
        ends: dict[TopicPartition, int] = await self._client.end_offsets(self._partitions)
        behind = True
        while behind:
            for batch in (await self._client.getmany(timeout_ms=100)).values():
                for each in batch:
                    record = LogRecord(
                        each.topic, each.partition, each.offset, each.key, each.value, tuple(each.headers)
                    )
                    self.records[each.topic].append(record)
            behind = any([await self._client.position(one) < end for one, end in ends.items()])
        return ends


async def deliveries(system: ChaosSystem) -> list[Delivery]:
    """The sandbox's record of everything that it has sent."""
    found: list[dict[str, Any]] = []
    while True:
        page = (await system.get("/_sent", after=str(found[-1]["id"] if found else 0), limit="1000"))["deliveries"]
        found += page
        if len(page) < 1000:
            break
    return [
        Delivery(
            number=each["id"],
            original=each["duplicate_of"] or each["id"],
            marketplace=each["marketplace"],
            topic=each["topic"],
            resource=each["resource"],
            poison=each["poison"] is not None,
            state=each["state"],
            bodies=frozenset(attempt["body_sha256"] for attempt in each["attempts"]),
            attempts=len(each["attempts"]),
            first_sent=min((moment(attempt["at"]) for attempt in each["attempts"]), default=None),
            acknowledged_at=next(
                (moment(attempt["ended_at"]) for attempt in each["attempts"] if attempt["acknowledged"]), None
            ),
        )
        for each in found
    ]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def truths(system: ChaosSystem) -> dict[str, dict[str, Truth]]:
    """Every entity as the sandbox has it, by read model and id."""
    found: dict[str, dict[str, Truth]] = {}
    for model, (collection, amount) in _TRUTH.items():
        entities: list[dict[str, Any]] = []
        while True:
            answer = await system.get(f"/_world/{collection}", offset=str(len(entities)), limit="1000")
            entities += answer[collection]
            if len(entities) >= answer["total"]:
                break
        found[model] = {
            str(each["id"]): Truth(
                _status(model, each), None if amount is None else Decimal(str(each[amount])), _changed(model, each)
            )
            for each in entities
        }
    return found


def _status(model: str, entity: Mapping[str, Any]) -> str:
    """The marketplace's word; that of feedback is the buyer's rating."""
    if model != "feedback":
        return str(entity["status"])
    return "none" if entity["purchase"] is None else str(entity["purchase"]["rating"])


def _changed(model: str, entity: Mapping[str, Any]) -> datetime | None:
    """When a message was read, a claim changed, or the seller rated too: their status may stay as it was."""
    match model:
        case "messages":
            return max(moment(text) for text in entity["message_date"].values() if text is not None)
        case "claims":
            return moment(entity["last_updated"])
        case "feedback":
            sides = (entity["purchase"], entity["sale"])
            return max(moment(side["date_created"]) for side in sides if side is not None)
    return None


async def rows(database_url: str) -> dict[str, dict[str, State]]:
    """Every row of every read model, in the form of the reference."""
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        return await rows_of(connection)
    finally:
        await connection.close(timeout=5)


async def rows_of(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, dict[str, State]]:
    """The rows as this connection sees them."""
    found: dict[str, dict[str, State]] = {}
    for model in FACTS:
        amount = _COLUMNS.get(model, _NO_AMOUNT)
        fetched = await connection.fetch(
            f"SELECT key, status, marketplace_status, status_history, updated_at, event_id, log_partition, "
            f"log_offset, {amount} FROM read_models.{model}",
            timeout=20,
        )
        found[model] = {row["key"]: _state(row) for row in fetched}
    return found


def _state(row: asyncpg.Record) -> State:
    history = tuple(
        (entry["status"], entry["marketplace_status"], datetime.fromisoformat(entry["at"]))
        for entry in json.loads(row["status_history"])
    )
    return State(
        row["status"], row["marketplace_status"], row["updated_at"], history, row["amount"], row["currency"],
        row["event_id"], row["log_partition"], row["log_offset"],
    )  # fmt: skip


async def lags(system: ChaosSystem, ends: Mapping[TopicPartition, int]) -> list[str]:
    """Consumer groups that have not committed the end of their topics, by Kafka's own record."""
    admin = AIOKafkaAdminClient(bootstrap_servers=system.stack.bootstrap_servers)
    await admin.start()
    try:
        found: list[str] = []
        for group, topics in GROUPS.items():
            committed = await admin.list_consumer_group_offsets(group)
            for partition, end in ends.items():
                position = max(0, committed[partition].offset) if partition in committed else 0
                if partition.topic in topics and position < end:
                    found.append(f"{group} is at {position} of {end} in {partition.topic}:{partition.partition}")
        return found
    finally:
        await admin.close()


async def unwell(system: ChaosSystem) -> list[str]:
    """Services that are not ready, have records in hand, or have stopped because nearly everything failed."""
    told = await asyncio.gather(*(_service(name, system.ports[name]) for name in SERVICES))
    return [problem for problems in told for problem in problems]


async def _service(name: str, port: int) -> list[str]:
    if problem := await readiness(port):
        return [f"{name} is not ready: {problem}"]
    try:
        lines = await _metrics(port, seconds=4)
    except (aiohttp.ClientError, TimeoutError) as error:
        return [f"{name} tells no metrics: {error!r}"]
    open_ = [line for line in lines if line.startswith(("bus_in_flight_records{", "bus_halted{", SPOOLED))]
    return [f"{name}: {line}" for line in open_ if float(line.rpartition(" ")[2]) > 0]


async def spooled(port: int) -> int:
    """How many deliveries a gateway's spool holds; 0 where it does not say so at once."""
    try:
        lines = await _metrics(port, seconds=0.3)
    except (aiohttp.ClientError, TimeoutError):
        return 0
    return sum(int(float(line.rpartition(" ")[2])) for line in lines if line.startswith(SPOOLED))


async def refused_by_spool(port: int) -> int:
    """How many deliveries a gateway has refused because its spool or the disk was full; 0 where it does not say so."""
    try:
        lines = await _metrics(port, seconds=2)
    except (aiohttp.ClientError, TimeoutError):
        return 0
    counts = [line for line in lines if line.startswith("gateway_deliveries_total{") and _FULL.search(line)]
    return sum(int(float(line.rpartition(" ")[2])) for line in counts)


async def _metrics(port: int, seconds: float) -> list[str]:
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=seconds)) as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        return (await answer.text()).splitlines()


async def stuck(system: ChaosSystem, log: Log) -> list[str]:
    """Who is not well or not at the end: a fraction of what it costs to gather everything."""
    return await unwell(system) or await lags(system, await log.read())


async def gather(system: ChaosSystem, log: Log, injected: Mapping[str, Injected]) -> Evidence:
    """Everything, now."""
    sent = await deliveries(system)
    ends = await log.read()
    open_ = [*await unwell(system), *await lags(system, ends)]
    return Evidence(
        deliveries=sent,
        records={topic: list(found) for topic, found in log.records.items()},
        injected=dict(injected),
        rows=await rows(system.stack.direct_database_url),
        truth=await truths(system),
        unwell=open_,
    )
