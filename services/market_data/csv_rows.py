"""A CSV file of inventory, row by row. Pure: what is wrong with a row is told beside it, and spoils no other row.

| column        | must | what                                                                        |
|---------------|------|-----------------------------------------------------------------------------|
| `sku`         | yes  | a style code, with or without separators                                    |
| `size`        |      | as StockX tells it: `10.5`, `XL`                                            |
| `quantity`    |      | how many there are now, 0 for none any more; 1 if it is left out            |
| `condition`   |      | `NEW` if it is left out; the words of schemas/inventory                     |
| `cost`        |      | what one was bought for, `89.90`; `currency` with it (USD if left out)      |
| `acquired_on` |      | `2026-01-31`                                                                |
| `title`       |      | else StockX's                                                               |
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from libs.matching.sku import normalised
from libs.products.merge import NoSku, product_id
from schemas.inventory.inventory_changed import Condition
from schemas.values import Currency

_DELIMITERS = ",;\t"
_UNTOLD = {"", "-", "n/a"}


class NotCsv(ValueError):
    """The file as a whole cannot be read; nothing is said of its rows."""


def _day(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("a day is written 2026-01-31") from None


class InventoryRow(BaseModel):
    """A valid row."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    sku: str = Field(min_length=1, max_length=100)
    size: str | None = Field(default=None, max_length=20)
    quantity: int = Field(default=1, ge=0, le=1_000_000)
    condition: Annotated[Condition, BeforeValidator(lambda told: str(told).strip().upper().replace(" ", "_"))] = (
        Condition.NEW
    )
    cost: Decimal | None = Field(default=None, ge=0, max_digits=12, decimal_places=2)
    currency: Annotated[Currency, BeforeValidator(lambda told: str(told).strip().upper())] = "USD"
    acquired_on: Annotated[date | None, BeforeValidator(_day)] = None
    title: str | None = Field(default=None, max_length=300)

    @model_validator(mode="after")
    def _known(self) -> "InventoryRow":
        try:
            product_id(self.sku)
        except NoSku as error:
            raise ValueError(str(error)) from None
        if self.acquired_on is not None and self.acquired_on > datetime.now(UTC).date():
            raise ValueError("acquired_on is a day to come")
        return self

    @property
    def acquired_at(self) -> datetime | None:
        return None if self.acquired_on is None else datetime.combine(self.acquired_on, time(), UTC)

    @property
    def identity(self) -> tuple[str, str | None, Condition]:
        """What no other row of a file may be about."""
        return normalised(self.sku), self.size.upper() if self.size else None, self.condition


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A row of the file, `number` from 1 (behind the header): valid, or with what is wrong."""

    number: int
    sku: str
    valid: InventoryRow | None
    wrong: str | None = None


def read_rows(content: bytes, most: int) -> list[CsvRow]:
    """The rows of a file in UTF-8 with a header, divided by commas, semicolons or tabs. Raises NotCsv."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotCsv(f"the file is not in UTF-8 (byte {error.start})") from None
    if "\0" in text:
        raise NotCsv("the file is no text: it has a NUL character (is it in UTF-16?)")
    header, _, _ = text.partition("\n")
    delimiter = max(_DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = _columns(next(reader, []))
        cells = [each for each in reader if any(cell.strip() for cell in each)]
    except csv.Error as error:
        raise NotCsv(f"line {reader.line_num}: {error}") from None
    if not cells:
        raise NotCsv("the file has no rows behind its header")
    if len(cells) > most:
        raise NotCsv(f"the file has {len(cells)} rows; {most} are taken at once: divide it")
    return _without_doubles([_row(number, names, each) for number, each in enumerate(cells, 1)])


def _columns(header: list[str]) -> list[str]:
    names = [name.strip().lower().replace(" ", "_") for name in header]
    known = set(InventoryRow.model_fields)
    if unknown := [name for name in names if name not in known]:
        raise NotCsv(f"unknown columns: {', '.join(unknown)[:200]}. There are: {', '.join(InventoryRow.model_fields)}")
    if "sku" not in names or len(set(names)) != len(names):
        raise NotCsv("the first line must name the columns, sku among them, and each once")
    return names


def _row(number: int, names: list[str], cells: list[str]) -> CsvRow:
    sku = cells[names.index("sku")].strip() if len(cells) > names.index("sku") else ""
    if len(cells) != len(names):
        return CsvRow(number, sku, None, f"it has {len(cells)} cells, and the header {len(names)}")
    told: Mapping[str, Any] = {
        name: cell.strip() for name, cell in zip(names, cells, strict=True) if cell.strip().lower() not in _UNTOLD
    }
    try:
        return CsvRow(number, sku, InventoryRow.model_validate(told))
    except ValidationError as error:
        return CsvRow(number, sku, None, _told(error))


def _told(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(
        ": ".join([*(str(part) for part in each["loc"]), each["msg"].removeprefix("Value error, ")])
        for each in problems
    )


def _without_doubles(rows: list[CsvRow]) -> list[CsvRow]:
    """A size that stands in two rows has no quantity that can be believed: the later ones are wrong."""
    first: dict[tuple[str, str | None, Condition], int] = {}
    told = []
    for row in rows:
        if row.valid is not None:
            number = first.setdefault(row.valid.identity, row.number)
            if number != row.number:
                told.append(CsvRow(row.number, row.sku, None, f"it is about the same as row {number}"))
                continue
        told.append(row)
    return told
