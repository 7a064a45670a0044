"""The Faust application's settings, and its events as the records that they were."""

from typing import Any, Final

import faust
import msgspec

from libs.bus.dead_letter import Copy
from services.pricing.config import Config
from services.pricing.handlers import Remembered
from services.pricing.placed_table import PlacedTable
from services.pricing.unskipped import UnskippedTransport

NAME: Final = "pricing"
_WAITING, _POLL_RECORDS = 8192, 250
"""Faust pauses a partition when its agent has 4/5 of _WAITING events before it; with all of them it hands out nothing
more, to any agent. What is read before each of a topic's partitions (up to 6) is paused fits in between: an agent that
waits stops no other. Fewer records a poll cost time: with 100, passing over 30,000 took 16 s instead of 7.
"""
remembered = msgspec.json.Decoder(Remembered).decode


def application(config: Config) -> Any:
    app = faust.App(
        config.kafka.group(NAME),
        broker=[f"kafka://{server}" for server in config.kafka.bootstrap_servers.split(",")],
        store="memory://",
        datadir=config.data_dir,
        Table=PlacedTable,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=0.5,
        broker_max_poll_records=_POLL_RECORDS,
        stream_buffer_maxsize=_WAITING,
        broker_session_timeout=config.session_seconds,
        broker_heartbeat_interval=config.session_seconds / 4,
        producer_acks=-1,
        stream_wait_empty=False,
    )
    app.transport = UnskippedTransport(app.conf.broker_consumer, app)
    return app


def record_of(event: Any) -> Copy:
    """A Faust event as the record that it was."""
    told = event.message
    headers = told.headers.items() if isinstance(told.headers, dict) else told.headers or ()
    return Copy(
        told.topic, told.partition, told.offset, int(told.timestamp * 1000), told.key, told.value, list(headers)
    )


def is_later(seen: dict[str, int], place: str, entities: Any, offset: int, basis: int | None) -> bool:
    """libs.read_models.commanded.is_later, on what is remembered; `seen` is the batch's own memory."""
    if place not in seen:
        stored = entities.get(place)
        seen[place] = -1 if stored is None else remembered(stored).offset
    before = seen[place]
    if offset <= before or (basis is not None and basis <= before):
        return False
    seen[place] = offset
    return True
