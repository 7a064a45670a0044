"""Records that nobody should have written: made from real ones of the topic, each with its fate known beforehand."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.topics import topics
from tests.chaos.evidence import MARK, REDRIVE_TO, Fate, Injected, LogRecord
from tests.chaos.plan import SERVICES
from tests.chaos.system import PATIENCE_SECONDS

STRANGER = "somebody_else"
_READABLE = ("copy", "far time", "old state")
_FAR_MS = 50 * 60_000  # how far ahead the record's own timestamp is, which nobody may trust: Kafka takes up to an hour


def fate_of(what: str) -> Fate:
    """What must become of a record of this kind."""
    if what == "for another":
        return "passed_over"
    return "readable" if what in _READABLE else "dead_letter"


def distort(what: str, base: LogRecord, chance: random.Random) -> tuple[bytes | None, list[tuple[str, bytes]]]:
    """The value and the headers of the injected record; `base` is a good one of the same topic."""
    value, headers = base.value or b"", list(base.headers)
    match what:
        case "garbage":
            return chance.randbytes(chance.randint(1, 200)) + b"\xff", headers
        case "half a document":
            return value[: len(value) // 2], headers
        case "no headers":
            return value, []
        case "unknown type":
            return value, _with(headers, ce_type="sellstream.order.exploded.v1")
        case "future version":
            kind = (base.header("ce_type") or "").rpartition(".v")[0]
            return value, _with(headers, ce_type=f"{kind}.v99", ce_dataschema="urn:sellstream:schema:of.tomorrow.v99")
        case "broken time":
            return value, _with(headers, ce_time="yesterday")
        case "no id":
            return value, [(name, text) for name, text in headers if name != "ce_id"]
        case "tombstone":
            return None, headers
        case "copy" | "old state":
            return value, headers
        case "far time":
            return value, _with(headers, ce_time="8999-12-31T23:59:59Z")
        case "for another":
            return _newer(value), [*_with(headers, ce_id=_new_id(chance)), (REDRIVE_TO, STRANGER.encode())]
    raise ValueError(f"there is no injection {what!r}")


def choose(what: str, good: Sequence[LogRecord], chance: random.Random) -> LogRecord | None:
    """A record to start from; for `old state` the first of a key that has changed since, if there is one."""
    if not good:
        return None
    if what != "old state":
        return chance.choice(good)
    firsts = {record.key: record for record in reversed(good)}
    later = changed(good)
    return firsts[chance.choice(later).key] if later else chance.choice(good)


def changed(good: Sequence[LogRecord]) -> list[LogRecord]:
    """The records of keys that have had one before."""
    firsts: dict[bytes | None, LogRecord] = {}
    return [record for record in good if firsts.setdefault(record.key, record) is not record]


async def inject(
    bootstrap_servers: str, topic: str, what: str, good: Sequence[LogRecord], chance: random.Random
) -> Injected | None:
    """Write one record, once (an idempotent producer), however long Kafka is away; None when there is no base yet.

    A record whose acknowledgement never came may be there or not: it says so, and is judged if it is there.
    """
    base = choose(what, good, chance)
    if base is None:
        return None
    mark = str(UUID(int=chance.getrandbits(128)))
    value, headers = distort(what, base, chance)
    acknowledged = True
    producer = await _producer(bootstrap_servers)
    try:
        stamp = round(time.time() * 1000) + _FAR_MS if what == "far time" else None
        marked = [*headers, (MARK, mark.encode())]
        await producer.send_and_wait(topic, value, base.key, base.partition, timestamp_ms=stamp, headers=marked)
    except KafkaError:
        acknowledged = False  # it may be in the topic all the same: the mark tells
    finally:
        await producer.stop()
    return Injected(mark, what, fate_of(what), consumers_of(topic), acknowledged)


async def _producer(bootstrap_servers: str) -> AIOKafkaProducer:
    """One that is connected: a start fails at once where no broker answers, unlike a write."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", enable_idempotence=True)
            try:
                await producer.start()
            except KafkaError:
                await producer.stop()
                await asyncio.sleep(0.3)
            else:
                return producer


def consumers_of(topic: str) -> tuple[str, ...]:
    """Who reads a topic, of the services that run here; as the topic's own declaration says."""
    return tuple(name for name in topics()[topic].consumers if name in SERVICES)


def _with(headers: Sequence[tuple[str, bytes]], **changed: str) -> list[tuple[str, bytes]]:
    return [(name, changed[name].encode() if name in changed else value) for name, value in headers]


def _new_id(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128)))


def _newer(value: bytes) -> bytes:
    """The same fact, changed a day later: it would win if it were applied."""
    fact = json.loads(value)
    if "updated_at" not in fact:
        return value
    later = datetime.fromisoformat(fact["updated_at"]) + timedelta(days=1)
    return json.dumps({**fact, "updated_at": later.isoformat(), "marketplace_status": "tampered"}).encode()
