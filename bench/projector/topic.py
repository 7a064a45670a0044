"""Writing a dataset's topic, once."""

import json

from confluent_kafka import Producer

from bench import PARTITIONS
from bench.kafka import Topics
from bench.projector.dataset import Dataset, Order, encoded
from libs.bus.partitioner import partition_of
from schemas.envelope import Envelope, Header
from schemas.orders.order_changed import EVENT


def ensure(dataset: Dataset, topics: Topics) -> bool:
    """Write the topic unless it is there and whole; True when it was written. Raises RuntimeError."""
    topic = dataset.topic
    if topics.records(topic) == dataset.events:
        return False
    topics.delete(topic)
    topics.create(topic)
    producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "acks": "all", "linger.ms": 50, "log_level": 3})
    record = fact_record if dataset.form == "facts" else _row_record
    for state in dataset.states():
        key = state.key.encode()
        value, headers = record(state)
        while True:
            try:
                producer.produce(topic, value, key, partition_of(key, PARTITIONS), headers=[*headers])
                break
            except BufferError:
                producer.poll(0.1)  # the queue is full: let some leave
        if state.event % 10_000 == 0:
            producer.poll(0)
    if producer.flush(120) or topics.records(topic) != dataset.events:
        raise RuntimeError(f"{topic} could not be written whole; it holds {topics.records(topic)} records")
    return True


def fact_record(state: Order) -> tuple[bytes, list[Header]]:
    identity = f"bench-{state.number}-{state.change}"
    envelope = Envelope(
        id=identity,
        source="/sellstream/mercadolibre_enricher",
        type=EVENT.type(2),
        time=state.updated_at,
        subject=state.key,
        dataschema=EVENT.dataschema(2),
        correlation_id=identity,
        causation_id=identity,
    )
    return encoded(state), envelope.headers()


_ROW_SCHEMA = json.dumps(
    {
        "type": "struct",
        "optional": False,
        "fields": [{"field": name, "type": "string", "optional": False} for name in Order(0, 0, 0).columns()],
    },
    separators=(",", ":"),
)


def _row_record(state: Order) -> tuple[bytes, list[Header]]:
    payload = json.dumps(state.columns(), separators=(",", ":"))
    return f'{{"schema":{_ROW_SCHEMA},"payload":{payload}}}'.encode(), []
