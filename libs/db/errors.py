"""What can go wrong with PostgreSQL, sorted by what to do about it."""

import asyncpg

_PASSING_CLASSES = frozenset({"08", "40", "53", "55", "57", "58"})
"""SQLSTATE classes that pass by themselves: connection, rolled back, resources, locks, operator, system.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""

_OUR_SCHEMAS = (
    '"projection.',
    '"ops.',
    '"commands.',
    '"oauth.',
    '"quota.',
    '"privacy.',
)  # those that migrations make; a read model's own table is made by its build

_READ_ONLY = "25006"  # the primary has become a standby: its successor takes writes soon

DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class DatabaseAway(Exception):
    """PostgreSQL does not answer, or not now; what was begun is rolled back and may be tried again."""


class NotMigrated(Exception):
    """The database lacks tables of ours. Run `sellstream db migrate`."""


def lacks_tables(error: BaseException | None) -> bool:
    """Whether a statement failed because the migrations were not applied, or not all of them."""
    if isinstance(error, asyncpg.UndefinedColumnError):
        return True
    return isinstance(error, asyncpg.UndefinedTableError) and any(one in str(error) for one in _OUR_SCHEMAS)


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
    return isinstance(error, asyncpg.InterfaceError | OSError | TimeoutError)


def is_lock_timeout(error: BaseException | None) -> bool:
    """Whether a lock was not given within `lock_timeout`."""
    return isinstance(error, asyncpg.LockNotAvailableError)
