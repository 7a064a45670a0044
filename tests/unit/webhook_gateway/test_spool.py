"""The spool on a real disk: durable in order, bounded, one file per process, and whole when the disk is full."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from libs.bus.batch_writer import header_block
from services.webhook_gateway.records import Record
from services.webhook_gateway.spool import Entry, NotSpooled, Spool

HEADERS = header_block([("ce_id", b"1"), ("http_x-signature", b"\xff")])


def entry(number: int, size: int = 10) -> Entry:
    return Entry(number, number.to_bytes(16), Record(b"key", b"x" * size, HEADERS, 1_700_000_000_000 + number))


async def put(spool: Spool, *entries: Entry) -> list[Exception | None]:
    """What the spool tells of each, in the order of the entries."""
    loop = asyncio.get_running_loop()
    told: list[asyncio.Future[Exception | None]] = [loop.create_future() for _ in entries]
    for one, future in zip(entries, told, strict=True):
        spool.put(one, future.set_result)
    async with asyncio.timeout(10):
        return [await one for one in told]


async def test_what_is_put_is_there_after_a_new_start_in_order(tmp_path: Path) -> None:
    async with Spool(tmp_path, 100_000) as spool:
        assert await put(spool, *map(entry, range(1, 6))) == [None] * 5
        spool.forget(2)
        assert await spool.read(0, 10) == [entry(number) for number in (1, 3, 4, 5)]
        assert await spool.read(3, 1) == [entry(4)]
    async with Spool(tmp_path, 100_000) as spool:
        assert [kept.seq for kept in spool.kept] == [1, 3, 4, 5]
        assert [kept.timestamp_ms % 1000 for kept in spool.kept] == [1, 3, 4, 5]
        assert await spool.read(0, 10) == [entry(number) for number in (1, 3, 4, 5)]
        for number in (1, 3, 4, 5):
            spool.forget(number)
        assert spool.bytes == 0
        await spool.shrink()
    async with Spool(tmp_path, 100_000) as spool:
        assert spool.kept == []


async def query(spool: Spool, statement: str) -> object:
    """In the spool's own thread, behind what was asked of it before."""
    return await spool._ask(lambda db: db.execute(statement).fetchone())


async def forget_and_put(spool: Spool, numbers: range, new: Entry) -> Exception | None:
    """Both in one group: the thread is busy while they are asked for."""
    go_on = threading.Event()
    busy = asyncio.ensure_future(spool._ask(lambda _: go_on.wait(10)))
    await asyncio.sleep(0.05)
    for number in numbers:
        spool.forget(number)
    told: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
    spool.put(new, told.set_result)
    go_on.set()
    await busy
    return await told


async def test_on_a_full_disk_what_kafka_has_leaves_it_though_nothing_can_come(tmp_path: Path) -> None:
    async with Spool(tmp_path, 10**9) as spool:
        await put(spool, *map(entry, range(1, 101)))
        await query(spool, "PRAGMA max_page_count = 1")  # as many as there are
        error = await forget_and_put(spool, range(1, 51), entry(101, 1_000_000))
        assert isinstance(error, NotSpooled)
        assert [one.seq for one in await spool.read(0, 1000)] == list(range(51, 101))
        assert spool.deliveries == 50
        assert await put(spool, entry(102)) == [None], "there is room again"


@pytest.mark.parametrize("more_is_written", [True, False])
async def test_what_cannot_be_removed_is_removed_later_and_nothing_comes_until_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, more_is_written: bool
) -> None:
    monkeypatch.setattr("services.webhook_gateway.spool._RETRY_SECONDS", 60 if more_is_written else 0.01)
    async with Spool(tmp_path, 10**9) as spool:
        await put(spool, *map(entry, range(1, 11)))
        await query(spool, "PRAGMA query_only = ON")
        assert isinstance(await forget_and_put(spool, range(1, 6), entry(11)), NotSpooled)
        assert len(await spool.read(0, 1000)) == 10
        await query(spool, "PRAGMA query_only = OFF")
        if more_is_written:
            assert await put(spool, entry(12)) == [None]
        async with asyncio.timeout(10):
            while [one.seq for one in await spool.read(0, 5)] != [6, 7, 8, 9, 10]:
                await asyncio.sleep(0.01)


async def test_what_kafka_has_before_it_is_written_is_not_kept(tmp_path: Path) -> None:
    async with Spool(tmp_path, 10**9) as spool:
        go_on = threading.Event()
        busy = asyncio.ensure_future(spool._ask(lambda _: go_on.wait(10)))
        spool.put(entry(1), lambda _: None)
        spool.forget(1)
        go_on.set()
        await busy
        assert await spool.read(0, 10) == []


async def test_a_delivery_that_comes_again_over_a_row_that_was_left_stands_where_it_is_met(tmp_path: Path) -> None:
    async with Spool(tmp_path, 10**9) as spool:
        assert await put(spool, entry(1), entry(2)) == [None] * 2
        again = entry(3)._replace(delivery=entry(1).delivery)
        assert await put(spool, again) == [None]
        assert await spool.read(2, 10) == [again]


async def test_the_disk_is_given_back_what_is_not_used(tmp_path: Path) -> None:
    async with Spool(tmp_path, 10**9) as spool:
        await put(spool, *(entry(number, 10_000) for number in range(1, 101)))
        for number in range(1, 101):
            spool.forget(number)
        await spool.shrink()
        assert sum(file.stat().st_size for file in tmp_path.glob("*.sqlite3*")) < 100_000


async def test_no_more_is_kept_than_is_allowed(tmp_path: Path) -> None:
    async with Spool(tmp_path, 2_500) as spool:
        assert await put(spool, entry(1, 1_500)) == [None]
        with pytest.raises(NotSpooled):
            spool.put(entry(2, 1_500), lambda _: None)
        spool.forget(1)
        assert await put(spool, entry(3, 1_500)) == [None]


async def test_two_processes_in_one_folder_have_a_file_each_and_what_is_left_is_taken_over(tmp_path: Path) -> None:
    async with Spool(tmp_path, 100_000) as first:
        async with Spool(tmp_path, 100_000) as second:
            await put(first, entry(1))
            await put(second, entry(1)._replace(delivery=b"second".ljust(16)), entry(2))
            assert second.kept == []
        assert len(list(tmp_path.glob("*.sqlite3"))) == 2
    async with Spool(tmp_path, 100_000) as spool:
        assert [kept.delivery for kept in spool.kept] == [entry(1).delivery, b"second".ljust(16), entry(2).delivery]
        assert [kept.seq for kept in spool.kept] == [1, 2, 3]
        assert len(list(tmp_path.glob("*.sqlite3"))) == 1


async def test_what_an_earlier_version_left_is_read(tmp_path: Path) -> None:
    async with Spool(tmp_path, 100_000) as spool:
        assert await put(spool, entry(1)) == [None]
    with sqlite3.connect(tmp_path / "spool-0.sqlite3") as db:
        old = msgspec.msgpack.encode([("ce_id", b"1"), ("http_x-signature", b"\xff")])
        db.execute("UPDATE deliveries SET headers = ?", (old,))
        db.execute("PRAGMA user_version = 0")
    db.close()
    for _ in range(2):
        async with Spool(tmp_path, 100_000) as spool:
            assert await spool.read(0, 10) == [entry(1)]


async def test_who_no_longer_waits_for_a_reading_does_no_harm(tmp_path: Path) -> None:
    async with Spool(tmp_path, 100_000) as spool:
        for _ in range(100):
            reading = asyncio.ensure_future(spool.read(0, 10))
            await asyncio.sleep(0)
            reading.cancel()
        assert await put(spool, entry(1)) == [None]


_FILLS = """
import asyncio, resource, sys
from pathlib import Path
from tests.unit.webhook_gateway.test_spool import entry, put
from services.webhook_gateway.spool import Spool

async def main():
    async with Spool(Path(sys.argv[1]), 10**9) as spool:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        told = []
        for number in range(1, 101):
            told += await put(spool, entry(number, 10_000))
        print(len([one for one in told if one is None]), spool.full)

asyncio.run(main())
"""


async def test_on_a_full_disk_deliveries_are_refused_and_nothing_is_half_written(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: a write fails in the same place."""
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", _FILLS, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    kept, full = done.stdout.splitlines()[-1].split()  # behind the log
    assert 0 < int(kept) < 100
    assert full == "True"
    async with Spool(tmp_path, 10**9) as spool:
        assert [one.seq for one in spool.kept] == list(range(1, int(kept) + 1))
        assert await spool.read(int(kept) - 1, 10) == [entry(int(kept), 10_000)]
    with sqlite3.connect(next(tmp_path.glob("*.sqlite3"))) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


_STARTS = """
import asyncio, resource, sys
from pathlib import Path
from services.webhook_gateway import spool as module
from services.webhook_gateway.spool import Spool

async def main():
    module._MOVED_BYTES = 100_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))
    async with Spool(Path(sys.argv[1]), 10**9) as spool:
        spool.forget(spool.kept[0].seq)
        print(len(spool.kept), len(await spool.read(0, 1000)))

asyncio.run(main())
"""


async def test_on_a_full_disk_it_starts_and_moves_what_fits_of_what_others_have_left(tmp_path: Path) -> None:
    async with Spool(tmp_path, 10**9) as first, Spool(tmp_path, 10**9) as second:
        await put(first, *(entry(number, 10_000) for number in range(1, 101)))
        await put(second, *(entry(number, 10_000) for number in range(101, 181)))
    other = tmp_path / "spool-1.sqlite3"
    size = other.stat().st_size
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", _STARTS, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    kept, read = map(int, done.stdout.splitlines()[-1].split())
    assert 100 < kept < 180
    assert read == kept - 1
    assert "stays for the next start" in done.stdout + done.stderr
    assert other.stat().st_size < size - 200_000, "what was moved has made room"
    async with Spool(tmp_path, 10**9) as spool:
        found = await spool.read(0, 1000)
        assert [one.delivery for one in found] == [entry(number).delivery for number in range(2, 181)]
    assert not other.exists()


async def test_what_is_no_spool_stays_and_stops_nobody(tmp_path: Path) -> None:
    broken = tmp_path / "spool-7.sqlite3"
    broken.write_bytes(b"no database " * 1000)
    async with Spool(tmp_path, 10**9) as spool:
        assert await put(spool, entry(1)) == [None]
    assert broken.exists()


_WRITES = """
import asyncio, itertools, sys
from pathlib import Path
from tests.unit.webhook_gateway.test_spool import entry, put
from services.webhook_gateway.spool import Spool

async def main():
    async with Spool(Path(sys.argv[1]), 10**9) as spool:
        for number in itertools.count(1):
            await put(spool, entry(number))
            print(number, flush=True)

asyncio.run(main())
"""


async def test_killed_in_the_middle_it_holds_all_that_it_said_it_has(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WRITES, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        for _ in range(50):
            await process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        rest = await process.stdout.read()
        await process.wait()
    said = int(rest.split()[-1]) if rest.endswith(b"\n") else 50
    async with Spool(tmp_path, 10**9) as spool:
        kept = [one.seq for one in spool.kept]
    assert kept == list(range(1, len(kept) + 1))
    assert len(kept) >= said
