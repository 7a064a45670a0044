"""The SQL of one copy of a read model's table: made, read by keys, written in bulk, dropped. Knows no business word."""

import re
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from libs.db.pool import Connection
from libs.projection.copy_lines import DELIMITER, NULL
from libs.projection.model import AnyReadModel, Row

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_LINES = 64  # sent at once: some ten kilobytes


@dataclass(frozen=True)
class Table:
    """A read model's table in one PostgreSQL schema."""

    model: AnyReadModel
    schema: str

    def __post_init__(self) -> None:
        for name in (self.schema, self.model.name):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} cannot be a schema or a table: lower-case letters, digits and _ only")

    @property
    def name(self) -> str:
        """The qualified name; safe to stand in SQL."""
        return f"{self.schema}.{self.model.name}"

    async def create(self, connection: Connection) -> None:
        await self.create_bare(connection)
        await self.finish(connection)

    async def create_bare(self, connection: Connection) -> None:
        """Make the table without its keys and indexes: rows are copied into it in half the time."""
        await connection.execute(self.model.table_parts[0].replace("{schema}", self.schema))

    async def finished(self, connection: Connection) -> bool:
        """Whether the table has its keys and indexes."""
        return bool(
            await connection.fetchval(
                "SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = to_regclass($1) AND indisprimary)", self.name
            )
        )

    async def finish(self, connection: Connection) -> None:
        """Make the keys and indexes."""
        await connection.execute(self.model.table_parts[1].replace("{schema}", self.schema))

    async def analyze(self, connection: Connection) -> None:
        """Let the planner know the table, from a tenth of the usual sample: good plans from the start, in a moment."""
        await connection.execute(f"SET LOCAL default_statistics_target = 10; ANALYZE {self.name}")

    async def exists(self, connection: Connection) -> bool:
        return await connection.fetchval("SELECT to_regclass($1)", self.name) is not None

    async def columns(self, connection: Connection) -> set[str]:
        """The names of the columns that the table has."""
        found = await connection.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
            self.name,
        )
        return {row["attname"] for row in found}

    async def clear(self, connection: Connection) -> None:
        """Remove all rows; whoever reads the table is waited for."""
        await connection.execute(f"TRUNCATE {self.name}")

    async def drop(self, connection: Connection) -> None:
        await connection.execute(f"DROP TABLE IF EXISTS {self.name}")

    async def count(self, connection: Connection) -> int:
        return int(await connection.fetchval(f"SELECT count(*) FROM {self.name}"))  # noqa: S608  (checked names)

    async def rows(self, connection: Connection, keys: Collection[str]) -> dict[str, Row]:
        """The stored rows of these keys."""
        columns = ", ".join(self.model.columns)
        found = await connection.fetch(
            f"SELECT {columns} FROM {self.name} WHERE key = ANY($1::text[])",  # noqa: S608  (checked names)
            list(keys),
        )
        return {record["key"]: self.model.row_of(record) for record in found}

    async def insert(self, connection: Connection, rows: Iterable[Row]) -> None:
        """COPY rows whose keys are known to be new."""
        await self._copy(connection, self.model.name, self.schema, rows)

    async def put(self, connection: Connection, rows: Collection[Row]) -> None:
        """Write a few rows, over those that have the same key: in one round trip, where COPY takes several."""
        columns = self.model.columns
        places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
        await connection.executemany(
            f"INSERT INTO {self.name} ({', '.join(columns)}) VALUES ({places}) {self._over_the_old}",  # noqa: S608
            [self.model.values(row) for row in rows],
        )

    async def upsert(self, connection: Connection, rows: Iterable[Row]) -> None:
        """Write rows, over those that have the same key: COPY into a table of this connection, then one INSERT."""
        # It lasts as long as the connection: a table per batch would bloat the catalogue. Another form, another name.
        staging = f"staging_{self.model.name[:36]}_{self.model.fingerprint}"
        await connection.execute(
            f"CREATE TEMP TABLE IF NOT EXISTS {staging} (LIKE {self.name}) ON COMMIT DELETE ROWS; "  # noqa: S608
            f"DELETE FROM pg_temp.{staging}"
        )
        await self._copy(connection, staging, None, rows)
        columns = self.model.columns
        await connection.execute(
            f"INSERT INTO {self.name} ({', '.join(columns)}) SELECT {', '.join(columns)} FROM pg_temp.{staging} "  # noqa: S608
            f"{self._over_the_old}"
        )

    @property
    def _over_the_old(self) -> str:
        changes = ", ".join(f"{column} = excluded.{column}" for column in self.model.columns if column != "key")
        return f"ON CONFLICT (key) DO UPDATE SET {changes}"

    async def delete(self, connection: Connection, keys: Collection[str]) -> None:
        await connection.execute(f"DELETE FROM {self.name} WHERE key = ANY($1::text[])", list(keys))  # noqa: S608

    async def _copy(self, connection: Connection, table: str, schema: str | None, rows: Iterable[Row]) -> None:
        form = self.model.line_form
        # Not a list of them: a row that goes at once is still in the processor's cache when it is encoded and freed.
        lines = map(form.line, rows)

        async def pieces() -> AsyncIterator[bytes]:
            while piece := b"".join(islice(lines, _LINES)):
                yield piece

        await connection.copy_to_table(
            table,
            schema_name=schema,
            columns=list(form.columns),
            source=pieces(),
            format="csv",
            delimiter=DELIMITER,
            quote=form.quote,
            null=NULL,
        )


def differing(columns: Iterable[str], one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The columns in which two records of one key differ."""
    return [column for column in columns if one[column] != other[column]]
