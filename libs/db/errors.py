"""What can go wrong with PostgreSQL, sorted by what to do about it."""

import re
from functools import cache
from pathlib import Path

import asyncpg

MIGRATIONS = Path(__file__).parent / "migrations"

_PASSING_CLASSES = frozenset({"08", "40", "53", "55", "57", "58"})
"""SQLSTATE classes that pass by themselves: connection, rolled back, resources, locks, operator, system.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""

_MADE = re.compile(
    r"\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:UNLOGGED\s+|MATERIALIZED\s+)?(?:TABLE|VIEW|SEQUENCE)\s+"
    r"(?:IF\s+NOT\s+EXISTS\s+)?([a-z_]+)\.",
    re.IGNORECASE,
)
_MISSING = re.compile(r'"([a-z_]+)\.')  # relation "privacy.keys" does not exist

_READ_ONLY = "25006"  # the primary has become a standby: its successor takes writes soon

_LOST_MIDWAY = asyncpg.InternalClientError  # the connection was cut while a statement was on its way

DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, _LOST_MIDWAY, OSError, TimeoutError)


KeyTwice = asyncpg.UniqueViolationError
"""A key that shall be there once is there twice, or would be."""


class DatabaseAway(Exception):
    """PostgreSQL does not answer, or not now; what was begun is rolled back and may be tried again."""


class NotMigrated(Exception):
    """The database lacks tables of ours. Run `sellstream db migrate`."""


def lacks_tables(error: BaseException | None) -> bool:
    """Whether a statement failed because the migrations were not applied, or not all of them."""
    if isinstance(error, asyncpg.UndefinedColumnError):
        return True
    if not isinstance(error, asyncpg.UndefinedTableError):
        return False
    named = _MISSING.search(str(error))
    return named is not None and named[1] in _migrated_schemas()


@cache
def _migrated_schemas() -> frozenset[str]:
    """The schemas in which migrations make tables. A read model's own table is made by its build, in another one."""
    return frozenset(name for file in MIGRATIONS.glob("*.sql") for name in _MADE.findall(file.read_text("utf-8")))


def lacks_a_table(error: BaseException | None) -> bool:
    """Whether a statement failed because a table is not there (any more)."""
    return isinstance(error, asyncpg.UndefinedTableError)


def passes(error: BaseException) -> bool:
    """Whether the same work may succeed later without anybody changing it."""
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        return True  # a swap changed the table under a prepared statement
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state[:2] in _PASSING_CLASSES or state == _READ_ONLY
    # InterfaceError: the connection was closed under a running call; misuse is told so too, and a retry shows it again.
    return isinstance(error, asyncpg.InterfaceError | _LOST_MIDWAY | OSError | TimeoutError)


def is_lock_timeout(error: BaseException | None) -> bool:
    """Whether a lock was not given within `lock_timeout`."""
    return isinstance(error, asyncpg.LockNotAvailableError)
