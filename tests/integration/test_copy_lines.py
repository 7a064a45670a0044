"""COPY writes what an INSERT of the same rows writes, for every read model and for texts that look like COPY's own."""

import typing
from collections.abc import AsyncIterator
from decimal import Decimal
from types import NoneType
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from libs.db.pool import Database
from libs.projection.copy_lines import DELIMITER, NULL
from libs.projection.digest import digest
from libs.projection.fold import fold
from libs.projection.model import AnyReadModel, Row
from libs.projection.table import Table
from libs.read_models import READ_MODELS
from libs.stack import Endpoints
from tests.databases import empty_database
from tests.facts import FACTS
from tests.logs import located

QUOTES = sorted({model.line_form.quote for model in READ_MODELS.values()})
TEXTS = [
    "",
    "\n",
    "a\r\nb\rc",
    "\t,;\"'\\",
    "\\N",
    "\\.",
    "NULL",
    NULL,
    DELIMITER,
    *(text for quote in QUOTES for text in (quote, f"{quote}{quote}{DELIMITER}")),
    "{é😀}",
    "\x01\x7f\x85\u2028",
]
NUMBERS = [Decimal("1.50"), Decimal("-0"), Decimal("1E+3"), Decimal("1E-40"), Decimal("9" * 40)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(stack: Endpoints, migrated: str) -> AsyncIterator[Database]:
    """One for all read models: their tables do not meet."""
    async with empty_database(stack, migrated) as url, Database(url, application="tests", most=1) as opened:
        yield opened


def altered(model: AnyReadModel, row: Row, number: int, *, within: bool) -> Row:
    """The row with another text in every column that holds texts, and another number where it holds decimals.

    `within`: only where a text stands within an array or an object.
    """
    text = TEXTS[number % len(TEXTS)]
    values: dict[Any, Any] = {
        str: text,
        list[str]: [text, *TEXTS[:number]],
        Decimal: NUMBERS[number % len(NUMBERS)],
        dict[str, Any]: {"text": text, "none": None},
        NoneType: None,
    }
    changes: dict[str, Any] = {"key": f"within {number}" if within else f"{number}{text}"}
    if within:
        del values[str]
    for name, hint in typing.get_type_hints(model.row).items():
        kinds = typing.get_args(hint) if NoneType in typing.get_args(hint) else (hint,)
        kind = kinds[(number + len(changes)) % len(kinds)]
        if kind in values and name not in ("key", "log_topic"):
            changes[name] = values[kind]
    return typing.cast("Row", msgspec.structs.replace(row, **changes))


@pytest.mark.parametrize("model", READ_MODELS.values(), ids=READ_MODELS)
async def test_it_writes_what_an_insert_writes(model: AnyReadModel, database: Database) -> None:
    (row,) = fold(model, {}, [located(FACTS[model.name](1))]).written.values()
    numbers = range(2 * len(TEXTS))
    rows = [row, *(altered(model, row, number, within=within) for within in (False, True) for number in numbers)]
    copied, inserted = Table(model, "read_models"), Table(model, "rebuild")
    async with database.transaction() as connection:
        for table in (copied, inserted):
            await table.create(connection)
        await copied.insert(connection, rows)
        await inserted.put(connection, rows)
        one, other = [await digest(connection, table.name, model.columns) for table in (copied, inserted)]
    assert one == other
    assert one.rows == len(rows)
