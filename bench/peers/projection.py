"""What a projector peer is told by its environment, the row it makes of a fact, and how it reports."""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Self

from bench.cpu import Stopwatch
from schemas.orders.order_changed import OrderChangedV2

Row = tuple[str, str, str, str, str, datetime, datetime, Decimal, str, str, str]


@dataclass(frozen=True)
class ProjectorSettings:
    """Names: see `bench/projector/peer.py`, which sets them."""

    bootstrap_servers: str
    topic: str
    events: int
    orders: int
    database_url: str
    postmaster: int | None
    result: Path

    @classmethod
    def from_environment(cls) -> Self:
        """Raises KeyError: the harness sets them all."""
        return cls(
            bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            topic=os.environ["PEER_TOPIC"],
            events=int(os.environ["PEER_EVENTS"]),
            orders=int(os.environ["PEER_ORDERS"]),
            database_url=os.environ["DATABASE_URL"],
            postmaster=int(os.environ["PEER_POSTMASTER"]) or None,
            result=Path(os.environ["PEER_RESULT"]),
        )

    def stopwatch(self) -> Stopwatch:
        """Measures this process and PostgreSQL. Start it when the program is up, before its first event."""
        return Stopwatch({"process": os.getpid(), "postgres": self.postmaster})

    def report(self, figures: dict[str, float | None]) -> None:
        """Tell the harness, which may end this process at once."""
        half = self.result.with_suffix(".half")
        half.write_text(json.dumps(figures), encoding="utf-8")
        half.replace(self.result)


def row(order: OrderChangedV2) -> Row:
    """The columns of `orders.sql`, in their order."""
    return (
        order.marketplace,
        order.order_id,
        order.account,
        order.status.value,
        order.marketplace_status,
        order.placed_at,
        order.updated_at,
        order.total.amount,
        order.total.currency,
        order.buyer.id,
        order.lines[0].item_id,
    )
