"""The limit of a rebuild: see `bench.peers.limit_projector`. Its rows are the final rows of sellstream's rebuild."""

from pathlib import Path

import asyncpg

from bench.projector.flat_orders.project import READ_MODEL
from bench.projector.live import COLUMNS_OF_PEERS, live_database, rebuild_missing
from bench.projector.peer import PythonPeer, Run
from bench.projector.table import difference, with_database
from bench.results import LIMIT

SCHEMA = "read_models"


class Limit(PythonPeer):
    """Read, decode, and COPY of what a rebuild must write: the live read model's rows, taken from it beforehand."""

    def __init__(self) -> None:
        super().__init__(
            LIMIT,
            "the limit: librdkafka read, msgspec decode, COPY of the final rows",
            "bench.peers.limit_projector",
            ("confluent-kafka", "msgspec", "asyncpg"),
            "the rows of flat_orders, without indexes, fold, checkpoints and proof; the parts one after the other",
        )

    async def skipped(self) -> str | None:
        return await super().skipped() or await rebuild_missing()

    async def create_table(self, run: Run) -> None:
        connection = await asyncpg.connect(run.database_url)
        try:
            await connection.execute(f"CREATE SCHEMA {SCHEMA}")
            await connection.execute(READ_MODEL.table_parts[0].replace("{schema}", SCHEMA))
        finally:
            await connection.close()

    async def environment(self, run: Run) -> dict[str, str]:
        rows = run.folder / f"rows-{run.dataset.events}-{run.dataset.orders}.copy"
        await _export(with_database(run.database_url, await live_database(run)), rows)
        return {"PEER_ROWS": str(rows)}

    async def difference(self, run: Run) -> str | None:
        return await difference(run.database_url, run.dataset.expected, COLUMNS_OF_PEERS[READ_MODEL.name])


async def _export(url: str, rows: Path) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.copy_from_table(READ_MODEL.name, schema_name=SCHEMA, output=rows)
    finally:
        await connection.close()
