"""Migrations on a real PostgreSQL: once each, in order, by one at a time."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.db.migrate import MigrationError, migrate
from libs.db.pool import Database
from tests.projecting import scalar


@pytest.fixture
async def database(unmigrated_url: str) -> AsyncIterator[Database]:
    async with Database(unmigrated_url, application="tests") as opened:
        yield opened


async def test_each_is_applied_once_even_by_many_at_once(database: Database, tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE runs (n int); INSERT INTO runs VALUES (1)")
    (tmp_path / "0002_second.sql").write_text("INSERT INTO runs VALUES (2)")
    done = await asyncio.gather(*(migrate(database, tmp_path) for _ in range(5)))
    assert sorted(name for names in done for name in names) == ["0001_first.sql", "0002_second.sql"]
    assert await scalar(database, "SELECT array_agg(n ORDER BY n) FROM runs") == [1, 2]
    (tmp_path / "0003_third.sql").write_text("INSERT INTO runs VALUES (3)")
    assert await migrate(database, tmp_path) == ["0003_third.sql"]


async def test_an_edited_one_is_refused(database: Database, tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE a (n int)")
    await migrate(database, tmp_path)
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE a (n bigint)")
    with pytest.raises(MigrationError, match=r"0001_first\.sql was applied to this database in another form"):
        await migrate(database, tmp_path)


async def test_a_failing_one_leaves_nothing_and_keeps_those_before(database: Database, tmp_path: Path) -> None:
    (tmp_path / "0001_good.sql").write_text("CREATE TABLE good (n int)")
    (tmp_path / "0002_bad.sql").write_text("CREATE TABLE half (n int); SELECT no_such_column")
    with pytest.raises(Exception, match="no_such_column"):
        await migrate(database, tmp_path)
    assert await scalar(database, "SELECT to_regclass('half')") is None
    (tmp_path / "0002_bad.sql").write_text("CREATE TABLE half (n int)")
    assert await migrate(database, tmp_path) == ["0002_bad.sql"]
