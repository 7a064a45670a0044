"""A file of items → seeds: in batches, each with its place in the file in one transaction: a stop loses nothing.

A file is known by its bytes. The report has a line for every row; it is written before the batch is committed, and what
is in it beyond the committed rows is cut off when the import goes on.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from libs.db.pool import Connection, Database, Record
from services.mercadolibre_enricher.fallbacks.import_rows import Format, Row, read_rows
from services.mercadolibre_enricher.fallbacks.seeds import Planted, Seeds

BATCH_ROWS = 500

Progress = Callable[[int, int], None]
"""Told after each batch: bytes done, bytes in all."""

_BEGIN = """
INSERT INTO ops.item_imports AS i (digest, name) VALUES ($1, $2)
ON CONFLICT (digest) DO UPDATE SET name = excluded.name
RETURNING rows_done, queued, known, refused, finished_at
"""
_FORGET = "DELETE FROM ops.item_imports WHERE digest = $1"
_HOLD = "SELECT rows_done FROM ops.item_imports WHERE digest = $1 FOR UPDATE"
_ADVANCE = """
UPDATE ops.item_imports SET rows_done = $2, queued = queued + $3, known = known + $4, refused = refused + $5
WHERE digest = $1
"""
_FINISH = "UPDATE ops.item_imports SET finished_at = now() WHERE digest = $1"


class SomebodyElse(Exception):
    """Another process imports the same file now, or began it anew."""


@dataclass(frozen=True, slots=True)
class Import:
    """Where the import of a file stands. `resumed_at`: rows of an earlier run; `finished_at`: it was done before."""

    digest: str
    rows: int
    queued: int
    known: int
    refused: int
    resumed_at: int = 0
    finished_at: datetime | None = None


async def import_file(
    path: Path,
    form: Format,
    database: Database,
    seeds: Seeds,
    report: Path,
    *,
    again: bool = False,
    batch_rows: int = BATCH_ROWS,
    progress: Progress = lambda _done, _all: None,
) -> Import:
    """Import the rows that are not imported yet; with `again`, all of them anew.

    Raises Unreadable, SomebodyElse, DatabaseAway, OSError: the same call goes on behind the last batch.
    """
    digest, size = _identity(path)
    async with database.transaction() as connection:
        if again:
            await connection.execute(_FORGET, digest)
        done = _begun(digest, await connection.fetch(_BEGIN, digest, path.name))
    if done.finished_at is not None:
        return done
    with _opened(report, done.rows) as told:
        rows = (row for row in read_rows(path, form) if row.number > done.resumed_at)
        for batch in _batches(rows, batch_rows):
            done = await _import_batch(batch, done, database, seeds, told)
            progress(batch[-1].bytes_read, size)
    async with database.connection() as connection:
        await connection.execute(_FINISH, digest)
    progress(size, size)
    return done


def _begun(digest: str, rows: list[Record]) -> Import:
    (row,) = rows
    return Import(
        digest,
        row["rows_done"],
        row["queued"],
        row["known"],
        row["refused"],
        resumed_at=row["rows_done"],
        finished_at=row["finished_at"],
    )


async def _import_batch(batch: list[Row], done: Import, database: Database, seeds: Seeds, told: BinaryIO) -> Import:
    async with database.transaction() as connection:
        await _hold(connection, done)
        planted = await seeds.plant_in(connection, [row.seed for row in batch if row.seed])
        outcomes = list(_outcomes(batch, planted))
        told.write(b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in outcomes))
        told.flush()
        os.fsync(told.fileno())
        counts = [sum(one["outcome"] == name for one in outcomes) for name in ("queued", "known", "refused")]
        await connection.execute(_ADVANCE, done.digest, batch[-1].number, *counts)
    queued, known, refused = counts
    return Import(
        done.digest,
        batch[-1].number,
        done.queued + queued,
        done.known + known,
        done.refused + refused,
        done.resumed_at,
    )


async def _hold(connection: Connection, done: Import) -> None:
    if await connection.fetchval(_HOLD, done.digest) != done.rows:
        raise SomebodyElse("another process imports the same file now. Wait for it, then run the command again.")


def _outcomes(batch: Iterable[Row], planted: Planted) -> Iterator[dict[str, object]]:
    """A line of the report for each row; of two rows with the same item the first queued it."""
    first = set(planted.queued)
    for row in batch:
        if row.seed is None:
            yield {"row": row.number, "outcome": "refused", "reason": row.refused}
        else:
            queued = row.seed.item_id in first
            first.discard(row.seed.item_id)
            yield {"row": row.number, "item_id": row.seed.item_id, "outcome": "queued" if queued else "known"}


def _batches(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    while batch := list(islice(rows, size)):
        yield batch


def _identity(path: Path) -> tuple[str, int]:
    """The SHA-256 of the file's bytes, and their number."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()


def _opened(report: Path, rows: int) -> BinaryIO:
    """The report, cut off behind this many rows."""
    file = report.open("r+b" if report.exists() and rows else "w+b")
    end = 0
    for line in file:
        try:
            if json.loads(line)["row"] > rows:
                break
        except (ValueError, KeyError, TypeError):
            break  # a line that was cut short
        end += len(line)
    file.seek(end)
    file.truncate()
    return file
