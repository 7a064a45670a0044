"""Migrations: `migrations/NNNN_name.sql`, applied once each, in the order of their numbers, one per transaction."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from libs.db.locks import lock_in_transaction
from libs.db.pool import Connection, Database

FOLDER = Path(__file__).parent / "migrations"
_NAME = re.compile(r"(?P<number>\d{4})_[a-z0-9_]+\.sql")
_LOCK = "migrations"

_TABLE = """
CREATE SCHEMA IF NOT EXISTS sellstream;
CREATE TABLE IF NOT EXISTS sellstream.migrations (
    name       text        PRIMARY KEY,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
"""


class MigrationError(Exception):
    """The migrations in the folder and those in the database do not fit; nothing was changed by the one named."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file; `checksum` is the SHA-256 of its text."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """All migrations in order; raise MigrationError for a wrong name or a number that is used twice."""
    numbers: dict[str, str] = {}
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path.name}: a migration is called NNNN_name.sql (four digits, lower case)")
        if match["number"] in numbers:
            raise MigrationError(f"{path.name} and {numbers[match['number']]} have the same number: renumber one")
        numbers[match["number"]] = path.name
    return [Migration(name, (folder / name).read_text()) for name in numbers.values()]


async def migrate(database: Database, folder: Path = FOLDER) -> list[str]:
    """Apply what is missing; return the names of what was applied. Safe to run at the same time from several places."""
    wanted = migrations(folder)
    done = []
    for migration in wanted:
        async with database.transaction() as connection:
            if await _apply(connection, migration):
                done.append(migration.name)
    return done


async def _apply(connection: Connection, migration: Migration) -> bool:
    await lock_in_transaction(connection, _LOCK)
    await connection.execute(_TABLE)
    checksum = await connection.fetchval("SELECT checksum FROM sellstream.migrations WHERE name = $1", migration.name)
    if checksum == migration.checksum:
        return False
    if checksum is not None:
        raise MigrationError(
            f"{migration.name} was applied to this database in another form (checksum {checksum[:12]}, the file has "
            f"{migration.checksum[:12]}). Put the file back as it was, and write the change into a new migration."
        )
    await connection.execute(migration.sql)
    await connection.execute(
        "INSERT INTO sellstream.migrations (name, checksum) VALUES ($1, $2)", migration.name, migration.checksum
    )
    return True
