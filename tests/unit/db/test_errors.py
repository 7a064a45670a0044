"""Which missing table means that the migrations were not applied."""

import re

import asyncpg
import pytest

from libs.db.errors import MIGRATIONS, lacks_tables

TABLES = sorted(
    {
        name
        for file in MIGRATIONS.glob("*.sql")
        for name in re.findall(r"^CREATE TABLE (?:IF NOT EXISTS )?([a-z_]+\.[a-z_]+)", file.read_text(), re.MULTILINE)
    }
)
SCHEMAS = {name.partition(".")[0]: name for name in TABLES}


def missing(name: str) -> asyncpg.UndefinedTableError:
    return asyncpg.UndefinedTableError(f'relation "{name}" does not exist')


@pytest.mark.parametrize("table", SCHEMAS.values())
def test_every_schema_that_migrations_fill_counts(table: str) -> None:
    assert lacks_tables(missing(table))


def test_the_list_is_not_empty_by_accident() -> None:
    assert {
        "projection",
        "ops",
        "oauth",
        "quota",
        "privacy",
        "commands",
        "ebay_sync",
        "stockx_poller",
    } <= SCHEMAS.keys()


@pytest.mark.parametrize("table", ["read_models.orders", "rebuild.orders", "somebody.elses", "orders"])
def test_a_read_models_table_and_a_strangers_do_not(table: str) -> None:
    assert not lacks_tables(missing(table))
    assert not lacks_tables(ValueError(f'"{table}"'))


def test_a_column_of_a_later_migration_counts() -> None:
    assert lacks_tables(asyncpg.UndefinedColumnError('column "swept_at" does not exist'))
