"""The topics: a folder each, with a `topic.yaml` that says its key, partitions, retention, producers and consumers."""

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

FOLDER = Path(__file__).parent

_SEGMENT_MS = 24 * 3600 * 1000
"""Kafka deletes whole segments, each by its newest record: what is not kept for ever is gone a day later at most."""

_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,100}$")]


def _days(value: object) -> object:
    return timedelta(days=float(value.removesuffix("d"))) if isinstance(value, str) and value.endswith("d") else value


class Topic(BaseModel):
    """A Kafka topic as `topic.yaml` declares it.

    `retention` is `forever` or a number of days such as `7d`; `consumers` are the services that read it, each with a
    dead-letter topic of its own (`<service>-dlt`). So have `pollers`, for answers that they cannot read: producers that
    read no topic, but ask a marketplace. `max_message_bytes` is declared where records may be larger than a broker
    takes by default (1 MiB with all that belongs to them).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: _Name
    description: str
    key: str = Field(description="What the record's key is made of: the identity of the entity")
    partitions: int = Field(ge=1, le=1000)
    retention: Literal["forever"] | Annotated[timedelta, BeforeValidator(_days)]
    cleanup_policy: Literal["delete", "compact"] = "delete"
    max_message_bytes: int | None = Field(default=None, ge=1024)
    producers: tuple[_Name, ...]
    consumers: tuple[_Name, ...] = ()
    pollers: tuple[_Name, ...] = ()

    @property
    def dead_lettering(self) -> tuple[str, ...]:
        """The services that have a dead-letter topic because of this one."""
        return (*self.consumers, *self.pollers)

    def config(self) -> dict[str, str]:
        """The topic's settings at the broker."""
        forever = self.retention == "forever"
        retention_ms = -1 if forever else int(self.retention.total_seconds() * 1000)  # type: ignore[union-attr]  # narrowed by `forever`
        return {
            "cleanup.policy": self.cleanup_policy,
            "retention.ms": str(retention_ms),
            **({} if forever else {"segment.ms": str(_SEGMENT_MS)}),
            "message.timestamp.type": "CreateTime",
            "compression.type": "producer",
            **({} if self.max_message_bytes is None else {"max.message.bytes": str(self.max_message_bytes)}),
        }


_DEAD_LETTERS_KEPT = timedelta(days=28)
"""With the day that Kafka takes, below 30: a dead letter may name a person (infra/decisions/0011)."""


def dead_letter_topic(consumer: str) -> str:
    """Where a consumer puts what it cannot handle, for example `order_projector` → `order-projector-dlt`."""
    return f"{consumer.replace('_', '-')}-dlt"


@cache
def topics() -> dict[str, Topic]:
    """Every declared topic by name, dead letters of each consumer included."""
    declared = {
        path.parent.name: Topic(name=path.parent.name, **yaml.safe_load(path.read_text()))
        for path in sorted(FOLDER.glob("*/topic.yaml"))
    }
    consumers = sorted({service for topic in declared.values() for service in topic.dead_lettering})
    return declared | {dead_letter_topic(consumer): _dead_letters(consumer) for consumer in consumers}


def _dead_letters(consumer: str) -> Topic:
    return Topic(
        name=dead_letter_topic(consumer),
        description=f"What {consumer} could not handle: the original key, value and headers, and why.",
        key="the key of the original record",
        partitions=1,
        retention=_DEAD_LETTERS_KEPT,
        producers=(consumer,),
    )
