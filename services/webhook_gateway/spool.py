"""Deliveries on the local disk while Kafka is away: an SQLite file, written by one thread in groups, synced each time.

SQLite because a write-ahead log that survives SIGKILL, a torn write and a full disk is not to be written again here:
`journal_mode=WAL` with `synchronous=FULL` syncs the log before a commit returns (https://sqlite.org/pragma.html).
"""

import asyncio
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple, Self, TypeVar

import msgspec

from libs.bus.batch_writer import header_block
from libs.telemetry.log import get_logger
from services.webhook_gateway.records import Record
from services.webhook_gateway.shares import Shares, account_of

log = get_logger()

T = TypeVar("T")

Done = Callable[[Exception | None], None]
"""Called once: with None when a delivery is synced to the disk (or Kafka has it already), else with why it is not
there."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY, delivery BLOB NOT NULL UNIQUE, key BLOB NOT NULL, value BLOB NOT NULL,
    headers BLOB NOT NULL, timestamp_ms INTEGER NOT NULL) STRICT
"""
_INSERT = "INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (delivery) DO"
_NEWER = "key = excluded.key, value = excluded.value, headers = excluded.headers, timestamp_ms = excluded.timestamp_ms"
_PUT = f"{_INSERT} UPDATE SET seq = excluded.seq, {_NEWER}"
"""A row of the same delivery can only be left over: under its old number, the forwarder would not meet it."""
_TAKE_OVER = f"{_INSERT} NOTHING"
"""What we have ourselves stands where it belongs."""

_RETRY_SECONDS = 1.0
"""How long after rows could not be removed that is tried again, if nothing else is written meanwhile."""
_OVERHEAD = 256
"""Bytes of a row beside its value and headers, generously."""

_VERSION = 1
_OLD_HEADERS = msgspec.msgpack.Decoder(list[tuple[str, bytes]])

_MOST_FILES = 1000
_READ_BYTES = 8 * 1024 * 1024
_MOVED_BYTES = 2 * 1024 * 1024
_MOVED_ROWS = 4000
"""What is taken over at one time of another process's file: free space for this, several times, is enough for all."""


class NotSpooled(Exception):
    """A delivery is not on the disk: its account's share of the spool is used up, or the disk is full or broken."""


class Entry(NamedTuple):
    """A delivery in the spool; numbers grow in the order of arrival."""

    seq: int
    delivery: bytes
    record: Record


class Kept(NamedTuple):
    """What is known of a delivery that an earlier process left."""

    seq: int
    delivery: bytes
    timestamp_ms: int
    account: bytes
    size: int


@dataclass(frozen=True, slots=True)
class _Put:
    entry: Entry
    done: Done


@dataclass(frozen=True, slots=True)
class _Forget:
    seq: int


@dataclass(frozen=True, slots=True)
class _Ask:
    run: Callable[[sqlite3.Connection], object]
    answer: "Future[object]"


class Spool:
    """One process's spool in a folder that several may share: each holds a file of its own by a lock.

    `most_bytes` bounds what is kept, and is shared fairly (`shares.py`). What the files of processes that are gone hold
    is taken over at the start.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._commands: SimpleQueue[_Put | _Forget | _Ask | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self._unforgotten: set[int] = set()  # the thread's: what Kafka has, and could not be removed yet
        self._shares = Shares(most_bytes)
        self._taken: dict[int, tuple[bytes, int]] = {}
        self._full = False
        self._lock = -1

    async def __aenter__(self) -> Self:
        """Raises OSError or sqlite3.Error where the folder cannot be used."""
        self._loop = asyncio.get_running_loop()
        self._db, self.kept = await asyncio.to_thread(self._open)
        for kept in self.kept:
            self._taken[kept.seq] = kept.account, kept.size
            self._shares.keep(kept.account, kept.size)
        self._thread.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._commands.put(None)
        await asyncio.to_thread(self._thread.join)
        self._db.close()
        os.close(self._lock)

    @property
    def bytes(self) -> int:
        """What is kept, or on its way to the disk."""
        return self._shares.used

    @property
    def deliveries(self) -> int:
        """How many are kept, or on their way to the disk."""
        return len(self._taken)

    @property
    def full(self) -> bool:
        """Whether the last delivery was refused, by the bound or by the disk, and none has left since."""
        return self._full

    def put(self, entry: Entry, done: Done) -> None:
        """Keep a delivery; `done` is called later. Raises NotSpooled."""
        record = entry.record
        size = len(record.key) + len(record.value) + len(record.headers) + _OVERHEAD
        account = account_of(record.key)
        if not self._shares.take(account, size):
            self._full = self._shares.nearly_used_up
            raise NotSpooled(f"the spool holds {self.bytes} bytes, and all that this account may have of it")
        self._taken[entry.seq] = account, size
        self._commands.put(_Put(entry, done))

    def forget(self, seq: int) -> None:
        """Kafka has it."""
        self._give_back(seq)
        self._full = False
        self._commands.put(_Forget(seq))

    async def read(self, after: int, most: int) -> list[Entry]:
        """The next deliveries in order, with greater numbers than `after`, some megabytes at a time.

        Raises sqlite3.Error.
        """

        def run(db: sqlite3.Connection) -> list[Entry]:
            entries: list[Entry] = []
            size = 0
            for row in db.execute("SELECT * FROM deliveries WHERE seq > ? ORDER BY seq LIMIT ?", (after, most)):
                entries.append(Entry(row[0], row[1], Record(*row[2:])))
                size += len(row[3])
                if size >= _READ_BYTES:
                    break
            return entries

        return await self._ask(run)

    async def shrink(self) -> None:
        """Give the disk back what is not used."""
        await self._ask(_shrink)

    async def _ask(self, run: Callable[[sqlite3.Connection], T]) -> T:
        answer: Future[T] = Future()
        self._commands.put(_Ask(run, answer))  # type: ignore[arg-type]  # the answer is what `run` returns
        return await asyncio.wrap_future(answer)

    # the thread

    def _run(self) -> None:
        while True:
            try:
                group = [self._commands.get(timeout=_RETRY_SECONDS if self._unforgotten else None)]
            except Empty:
                self._write([])
                continue
            while not self._commands.empty():
                group.append(self._commands.get())
            ended = None in group
            for part in _parts([one for one in group if one is not None]):
                if isinstance(part, _Ask):
                    self._answer(part)
                else:
                    self._write(part)
            if ended:
                return

    def _write(self, group: list[_Put | _Forget]) -> None:
        """What is no longer wanted goes first, and by itself: on a full disk it can go where nothing can come.

        While it cannot go, nothing comes: else what is on the disk would not be what is counted.
        """
        puts = [one for one in group if isinstance(one, _Put)]
        forgotten = {one.seq for one in group if isinstance(one, _Forget)} | self._unforgotten
        error = self._in_one("DELETE FROM deliveries WHERE seq = ?", [(seq,) for seq in forgotten])
        self._unforgotten = forgotten if error is not None else set()
        if error is None:
            error = self._in_one(_PUT, [_row(one.entry) for one in puts if one.entry.seq not in forgotten])
        if error is not None:
            log.warning("the spool cannot be written", deliveries=len(puts), removals=len(forgotten), error=str(error))
        if puts:
            self._loop.call_soon_threadsafe(self._written, puts, error)

    def _in_one(self, statement: str, rows: list[tuple[object, ...]]) -> NotSpooled | None:
        """A statement for each row, in one transaction."""
        if not rows:
            return None
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(statement, rows)
            self._db.execute("COMMIT")
        except sqlite3.Error as failure:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            return NotSpooled(f"{type(failure).__name__}: {failure}")
        return None

    def _answer(self, ask: _Ask) -> None:
        if not ask.answer.set_running_or_notify_cancel():
            return  # who asked has left
        try:
            ask.answer.set_result(ask.run(self._db))
        except sqlite3.Error as error:
            ask.answer.set_exception(error)

    # back in the loop

    def _written(self, puts: list[_Put], error: Exception | None) -> None:
        self._full = error is not None
        for put in puts:
            if error is not None:
                self._give_back(put.entry.seq)
            put.done(error)

    def _give_back(self, seq: int) -> None:
        taken = self._taken.pop(seq, None)
        if taken is not None:
            self._shares.give_back(*taken)

    # opening

    def _open(self) -> tuple[sqlite3.Connection, list[Kept]]:
        self._folder.mkdir(parents=True, exist_ok=True)
        path, self._lock = _claim(self._folder)
        db = _connect(path)
        for other in sorted(self._folder.glob("spool-*.sqlite3")):
            if other != path:
                _take_over(db, other)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # the files' names, too, must survive
        finally:
            os.close(folder)
        columns = "seq, delivery, timestamp_ms, key, length(key) + length(value) + length(headers)"
        rows = db.execute(f"SELECT {columns} FROM deliveries ORDER BY seq")  # noqa: S608  (ours alone)
        return db, [
            Kept(seq, delivery, timestamp_ms, account_of(key), size + _OVERHEAD)
            for seq, delivery, timestamp_ms, key, size in rows
        ]


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute(_SCHEMA)
    _upgrade(db)
    return db


def _upgrade(db: sqlite3.Connection) -> None:
    """Headers were kept as MessagePack before they were kept as Kafka writes them."""
    if db.execute("PRAGMA user_version").fetchone()[0] >= _VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    for seq, headers in db.execute("SELECT seq, headers FROM deliveries").fetchall():
        db.execute("UPDATE deliveries SET headers = ? WHERE seq = ?", (header_block(_OLD_HEADERS.decode(headers)), seq))
    db.execute(f"PRAGMA user_version = {_VERSION}")
    db.execute("COMMIT")


def _claim(folder: Path) -> tuple[Path, int]:
    """The first file that no living process holds, and its lock."""
    for number in range(_MOST_FILES):
        path = folder / f"spool-{number}.sqlite3"
        lock = _lock_of(path)
        if lock is not None:
            return path, lock
    raise OSError(f"{_MOST_FILES} processes hold spools in {folder}")


def _lock_of(path: Path) -> int | None:
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _take_over(db: sqlite3.Connection, other: Path) -> None:
    """Move what a process that is gone has left into our own file; what cannot be moved stays where it is.

    A full disk or a broken file of another's is no reason not to start: the next start tries again.
    """
    lock = None
    moved = 0
    try:
        lock = _lock_of(other)
        if lock is None:
            return
        with closing(_connect(other)) as theirs:
            while count := _move_some(theirs, db):
                moved += count
        for suffix in ("", "-wal", "-shm"):
            other.with_name(other.name + suffix).unlink(missing_ok=True)
    except (sqlite3.Error, msgspec.MsgspecError, OSError):
        if db.in_transaction:
            db.execute("ROLLBACK")
        log.exception("the spool of a process that is gone stays for the next start", file=str(other), moved=moved)
    finally:
        if lock is not None:
            os.close(lock)


def _move_some(theirs: sqlite3.Connection, db: sqlite3.Connection) -> int:
    """The oldest that they have, and how many: ours before they are no longer theirs, and the room is given back."""
    size = 0
    chunk: list[tuple[object, ...]] = []
    for row in theirs.execute("SELECT seq, delivery, key, value, headers, timestamp_ms FROM deliveries ORDER BY seq"):
        chunk.append(row)
        size += len(row[3])
        if size >= _MOVED_BYTES or len(chunk) >= _MOVED_ROWS:
            break
    if chunk:
        db.execute("BEGIN IMMEDIATE")
        (last,) = db.execute("SELECT coalesce(max(seq), 0) FROM deliveries").fetchone()
        db.executemany(_TAKE_OVER, ((seq, *row[1:]) for seq, row in enumerate(chunk, last + 1)))
        db.execute("COMMIT")
        theirs.execute("DELETE FROM deliveries WHERE seq <= ?", (chunk[-1][0],))
        _shrink(theirs)
        _shrink(db)
    return len(chunk)


def _parts(group: Iterable[_Put | _Forget | _Ask]) -> Iterable[list[_Put | _Forget] | _Ask]:
    """Writes together, up to a question."""
    writes: list[_Put | _Forget] = []
    for one in group:
        if isinstance(one, _Ask):
            if writes:
                yield writes
                writes = []
            yield one
        else:
            writes.append(one)
    if writes:
        yield writes


def _row(entry: Entry) -> tuple[object, ...]:
    record = entry.record
    return (entry.seq, entry.delivery, record.key, record.value, record.headers, record.timestamp_ms)


def _shrink(db: sqlite3.Connection) -> None:
    db.executescript("PRAGMA incremental_vacuum")  # which `execute` does for one page only
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
