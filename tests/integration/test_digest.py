"""Digest and diff in PostgreSQL: equal for equal rows however they came, different for others; the diff is exact."""

from collections.abc import AsyncIterator, Sequence

import pytest

from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.projection.diff import Difference, compare
from libs.projection.digest import Digest, digest
from libs.projection.fold import fold
from libs.projection.table import Table
from libs.read_models.orders.project import READ_MODEL as ORDERS
from libs.read_models.orders.project import OrderRow
from tests.facts import order
from tests.logs import located

LIVE, SHADOW = Table(ORDERS, "read_models"), Table(ORDERS, "rebuild")
ROWS: list[OrderRow] = list(fold(ORDERS, {}, [located(order(f"Å{n}"), n) for n in range(300)]).written.values())


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, application="tests") as opened:
        await migrate(opened)
        async with opened.connection() as connection:
            await LIVE.create(connection)
            await SHADOW.create(connection)
        yield opened


async def fill(database: Database, table: Table, rows: Sequence[OrderRow]) -> None:
    async with database.transaction() as connection:
        await table.insert(connection, rows)


async def digest_of(database: Database, table: Table, setting: str = "SELECT 1") -> Digest:
    async with database.transaction() as connection:
        await connection.execute(setting)
        return await digest(connection, table.name, ORDERS.columns)


async def test_it_does_not_depend_on_order_history_or_session(database: Database) -> None:
    await fill(database, LIVE, ROWS)
    await fill(database, SHADOW, ROWS[:100])
    async with database.transaction() as connection:
        await SHADOW.upsert(connection, list(reversed(ROWS)))
    one = await digest_of(database, LIVE)
    other = await digest_of(database, SHADOW, "SET LOCAL TimeZone = 'Asia/Tokyo'; SET LOCAL DateStyle = 'SQL, DMY'")
    assert one == other
    assert one.rows == 300
    assert len(one.buckets) > 100


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE read_models.orders SET total_amount = total_amount + 0.01 WHERE log_offset = 7",
        "UPDATE read_models.orders SET lines = jsonb_set(lines, '{0,quantity}', '3') WHERE log_offset = 7",
        "UPDATE read_models.orders SET updated_at = updated_at + interval '1 microsecond' WHERE log_offset = 7",
        "UPDATE read_models.orders SET pack_id = '' WHERE log_offset = 7",
        "UPDATE read_models.orders SET tags = '{}' WHERE log_offset = 7",
        "DELETE FROM read_models.orders WHERE log_offset = 7",
    ],
)
async def test_any_change_of_one_row_changes_one_bucket(database: Database, change: str) -> None:
    await fill(database, LIVE, ROWS)
    await fill(database, SHADOW, ROWS)
    async with database.connection() as connection:
        assert await connection.execute(change) in {"UPDATE 1", "DELETE 1"}
    one, other = await digest_of(database, LIVE), await digest_of(database, SHADOW)
    assert one.value != other.value
    assert len(one.differing_buckets(other)) == 1


async def test_the_diff_names_what_differs_in_the_order_of_keys(database: Database) -> None:
    await fill(database, LIVE, ROWS[10:])
    await fill(database, SHADOW, ROWS[:290])
    async with database.connection() as connection:
        await connection.execute("UPDATE rebuild.orders SET account = 'other' WHERE log_offset BETWEEN 20 AND 24")
    one, other = await digest_of(database, LIVE), await digest_of(database, SHADOW)
    async with database.transaction() as live, database.transaction() as rebuilt:
        buckets = one.differing_buckets(other)
        diff = await compare(live, LIVE.name, rebuilt, SHADOW.name, ORDERS.columns, buckets)
    assert (diff.added, diff.removed, diff.changed) == (10, 10, 5)
    assert [one.key for one in diff.named] == sorted(one.key for one in diff.named)
    assert Difference("changed", "mercadolibre:Å20", ("account",)) in diff.named
