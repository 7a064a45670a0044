"""The runners of the projector benchmark, in the order of the report; ours first, the limit last."""

from bench.projector.debezium import DebeziumJdbc
from bench.projector.limit import Limit
from bench.projector.ours import Rebuild
from bench.projector.peer import ProjectorPeer, PythonPeer


def projector_peers() -> list[ProjectorPeer]:
    return [
        Rebuild("ours", "flat_orders", "a read model with the peers' columns, and each row's place in the log"),
        Rebuild("ours_orders", "orders", "sellstream's own, of 25 columns, with the status history; in no ratio"),
        PythonPeer(
            "naive",
            "aiokafka + pydantic, one upsert per event",
            "bench.peers.naive_projector",
            ("aiokafka", "pydantic", "asyncpg"),
            "a bounded subset",
        ),
        PythonPeer(
            "faust",
            "Faust agent, batches of 1,000",
            "bench.peers.faust_projector",
            ("faust-streaming", "pydantic", "asyncpg"),
            "a bounded subset; the clock starts when Faust begins to fetch",
        ),
        PythonPeer(
            "eventsourcing",
            "eventsourcing, projection runner",
            "bench.peers.eventsourcing_projector",
            ("eventsourcing", "psycopg"),
            "a bounded subset; reads the same events from its own PostgreSQL event store, not from Kafka",
        ),
        DebeziumJdbc(),
        Limit(),
    ]
