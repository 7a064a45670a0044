"""Which columns hold sealed secrets, and their rotation: everything sealed anew with the first key, row by row."""

from collections import Counter
from dataclasses import dataclass

from libs.db.pool import Database
from libs.secrets.vault import HEAD_BYTES, Vault, place_of

_BATCH = 100  # rows per transaction: they are locked for milliseconds


@dataclass(frozen=True, slots=True)
class SealedTable:
    """`columns` (bytea) are sealed for `place_of(name, column, *key)`; `key` (text) is unique and never changes."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


SEALED_TABLES = (
    SealedTable("oauth.tokens", ("client", "account"), ("access_token", "refresh_token")),
    SealedTable("oauth.states", ("client", "state"), ("code_verifier",)),
    SealedTable("privacy.keys", ("key_id",), ("key",)),
    SealedTable("core.secrets", ("key",), ("encrypted_value",)),
)
"""Every table with sealed columns. `sellstream secrets rotate` and `doctor` know only what stands here."""


async def rotate(database: Database, vault: Vault, tables: tuple[SealedTable, ...] = SEALED_TABLES) -> dict[str, int]:
    """Seal anew what an older key sealed: rows changed, by table. Safe beside running services, and to repeat.

    Raises SecretsError at the first that does not open; the batches before it are done.
    """
    return {table.name: await _rotate(database, vault, table) for table in tables}


async def _rotate(database: Database, vault: Vault, table: SealedTable) -> int:
    older = " OR ".join(f"substring({column} FOR {HEAD_BYTES}) <> $1" for column in table.columns)
    names, new = ", ".join((*table.key, *table.columns)), len(table.key) + 1
    this = " AND ".join(f"{column} = ${number}" for number, column in enumerate(table.key, 1))
    change = ", ".join(f"{column} = ${number}" for number, column in enumerate(table.columns, new))
    done = 0
    while True:
        async with database.transaction() as connection:
            rows = await connection.fetch(
                f"SELECT {names} FROM {table.name} WHERE {older} LIMIT {_BATCH} FOR UPDATE",  # noqa: S608  (our names)
                vault.head,
            )
            for row in rows:
                key = [row[column] for column in table.key]
                sealed = [_anew(row[column], place_of(table.name, column, *key), vault) for column in table.columns]
                await connection.execute(f"UPDATE {table.name} SET {change} WHERE {this}", *key, *sealed)  # noqa: S608
        done += len(rows)
        if not rows:
            return done


def _anew(sealed: bytes | None, place: str, vault: Vault) -> bytes | None:
    return None if sealed is None else vault.seal(vault.open(sealed, place), place)


async def forget_others(
    database: Database, vault: Vault, tables: tuple[SealedTable, ...] = SEALED_TABLES
) -> dict[str, int]:
    """Delete the rows with a secret that none of the vault's keys opens: rows deleted, by table."""
    known = [bytes.fromhex(key) for key in vault.key_ids]
    deleted = {}
    async with database.transaction() as connection:
        for table in tables:
            other = " OR ".join(
                f"substring({column} FROM 2 FOR {HEAD_BYTES - 1}) <> ALL ($1::bytea[])" for column in table.columns
            )
            told = await connection.execute(f"DELETE FROM {table.name} WHERE {other}", known)  # noqa: S608
            deleted[table.name] = int(told.rpartition(" ")[2])
    return deleted


async def unsealed(database: Database) -> int:
    """How many rows wait in plain text, from before tokens were sealed, to be taken over."""
    async with database.connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM oauth.unsealed_tokens"))


async def secrets_by_key(database: Database, tables: tuple[SealedTable, ...] = SEALED_TABLES) -> Counter[str]:
    """How many secrets each key seals, by its id in hexadecimal."""
    counted: Counter[str] = Counter()
    async with database.connection() as connection:
        for table in tables:
            for column in table.columns:
                key = f"encode(substring({column} FROM 2 FOR {HEAD_BYTES - 1}), 'hex')"
                rows = await connection.fetch(
                    f"SELECT {key} AS key, count(*) AS secrets FROM {table.name} WHERE {column} IS NOT NULL GROUP BY 1"  # noqa: S608
                )
                counted.update({row["key"]: row["secrets"] for row in rows})
    return counted
