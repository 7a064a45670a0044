"""The `eventsourcing` library's projection runner: its own PostgreSQL event store and tracking, the same table.

It does not read Kafka: the same events stand in its event store beforehand (that is not timed), and the runner projects
them one by one, each row in one transaction with the tracking position, as the library's documentation has it.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

from bench.peers.projection import ProjectorSettings
from bench.projector.dataset import Dataset, encoded
from bench.projector.table import COLUMNS

_FILL = 1000
_WAIT_SECONDS = 600.0
UPSERT = SQL(
    f"INSERT INTO orders ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))}) "  # noqa: S608 - columns
    "ON CONFLICT (marketplace, order_id) DO UPDATE "
    f"SET {', '.join(f'{name} = excluded.{name}' for name in COLUMNS[2:])} "
    "WHERE orders.updated_at <= excluded.updated_at"
)


@dataclass(frozen=True, kw_only=True)
class OrderChanged(Aggregate.Event):
    """The fact's JSON object, as a marketplace's order is now."""

    fact: dict[str, Any]


class Orders(Application[UUID]):
    """The event store of orders."""


class OrdersView(PostgresTrackingRecorder):
    """The table, and how far it has got, in one transaction."""

    def upsert(self, values: tuple[Any, ...], tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(UPSERT, values, prepare=True)


class OrdersProjection(Projection[OrdersView]):
    """One row per order."""

    name = "orders"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        fact = domain_event.fact
        values = (
            fact["marketplace"],
            fact["order_id"],
            fact["account"],
            fact["status"],
            fact["marketplace_status"],
            fact["placed_at"],
            fact["updated_at"],
            fact["total"]["amount"],
            fact["total"]["currency"],
            fact["buyer"]["id"],
            fact["lines"][0]["item_id"],
        )
        self.view.upsert(values, tracking)


def environment(url: str) -> dict[str, str]:
    """The library's settings for a postgresql:// URL."""
    parts = urlsplit(url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path.lstrip("/"),
        "POSTGRES_HOST": parts.hostname or "127.0.0.1",
        "POSTGRES_PORT": str(parts.port or 5432),
        "POSTGRES_USER": unquote(parts.username or ""),
        "POSTGRES_PASSWORD": unquote(parts.password or ""),
    }


def fill(env: dict[str, str], dataset: Dataset) -> int:
    """Put the events into the event store; answers the last one's notification id."""
    with Orders(env) as app:
        stored = []
        last = 0
        for state in dataset.states():
            event = OrderChanged(
                originator_id=uuid5(NAMESPACE_URL, state.key),
                originator_version=state.change + 1,
                timestamp=OrderChanged.create_timestamp(),
                fact=json.loads(encoded(state)),
            )
            stored.append(app.mapper.to_stored_event(event))
            if len(stored) == _FILL or state.event == dataset.events - 1:
                last = max(app.recorder.insert_events(stored) or [last])
                stored = []
        return last


def main() -> None:
    """Fill, then project all."""
    settings = ProjectorSettings.from_environment()
    env = environment(settings.database_url)
    last = fill(env, Dataset(settings.events, settings.orders))
    watch = settings.stopwatch()
    watch.start()
    with ProjectionRunner(
        application_class=Orders, projection_class=OrdersProjection, view_class=OrdersView, env=env
    ) as runner:
        runner.wait(last, timeout=_WAIT_SECONDS)
        settings.report(watch.stop())


if __name__ == "__main__":
    main()
