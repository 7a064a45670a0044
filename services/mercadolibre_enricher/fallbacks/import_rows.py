"""The rows of an imported file: CSV with a header, or JSONL; each is a seed, or refused with the reason."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from libs.marketplaces.mercadolibre.items import ITEM_ID
from schemas.registry import summary
from services.mercadolibre_enricher.fallbacks.seeds import PRIORITY, Seed, Source

MAX_LINE_BYTES = 1024 * 1024


class Format(StrEnum):
    """How a file is read."""

    CSV = "csv"
    JSONL = "jsonl"

    @classmethod
    def of(cls, path: Path) -> "Format | None":
        """By the file's name; None if that does not tell."""
        return {".csv": cls.CSV, ".jsonl": cls.JSONL, ".ndjson": cls.JSONL}.get(path.suffix.lower())


def _id(value: object) -> object:
    """`MLM-123` as in a listing's address, or in small letters, is the same item."""
    return re.sub(r"^([A-Z]{3})-", r"\1", value.strip().upper()) if isinstance(value, str) else value


def _is_id(value: str) -> str:
    if not ITEM_ID.fullmatch(value):
        raise ValueError("no item id: a site and a number, such as MLM1234567890")
    return value


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


_Account = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
_Priority = Annotated[int, Field(ge=0, le=1_000_000)]


class ImportedItem(BaseModel):
    """A row. Other columns are not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    item_id: Annotated[str, BeforeValidator(_id), AfterValidator(_is_id)]
    account: Annotated[_Account | None, BeforeValidator(_none_if_empty)] = None
    priority: Annotated[_Priority | None, BeforeValidator(_none_if_empty)] = None


@dataclass(frozen=True, slots=True)
class Row:
    """Row `number` (from 1, a CSV's header not counted); `bytes_read` of the file when it was read."""

    number: int
    seed: Seed | None
    refused: str | None
    bytes_read: int


class Unreadable(Exception):
    """The file as a whole is not what its format says; the text says why."""


def read_rows(path: Path, form: Format) -> Iterator[Row]:
    """Every row of the file, as they are read; raise Unreadable."""
    with path.open("rb") as file:
        lines = _Lines(file)
        records = _csv(lines) if form is Format.CSV else _jsonl(lines)
        for number, record in enumerate(records, 1):
            seed, refused = _read(record)
            yield Row(number, seed, refused, lines.bytes_read)


class _Lines:
    """Lines of text; bytes that are no UTF-8 become U+FFFD, so that their row alone is refused."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = lines
        self.bytes_read = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            first = self.bytes_read == 0
            self.bytes_read += len(line)
            yield line.decode("utf-8-sig" if first else "utf-8", errors="replace")


def _csv(lines: _Lines) -> Iterator[Any]:
    reader = csv.DictReader(lines)
    names = [name.strip().lower() for name in reader.fieldnames or ()]
    if "item_id" not in names:
        raise Unreadable(
            "the first line must name the columns, one of them item_id (account and priority are optional)"
        )
    reader.fieldnames = names
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield error


def _jsonl(lines: _Lines) -> Iterator[Any]:
    for line in lines:
        if not line.strip():
            continue
        if len(line) > MAX_LINE_BYTES:
            yield ValueError("the line is too long")
            continue
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as error:
            yield ValueError(f"no JSON: {error}")


def _read(record: Any) -> tuple[Seed | None, str | None]:
    if isinstance(record, Exception):
        return None, str(record)
    try:
        item = ImportedItem.model_validate({"item_id": record} if isinstance(record, str) else record)
    except ValidationError as error:
        return None, summary(error)
    priority = PRIORITY if item.priority is None else item.priority
    return Seed(item.item_id, Source.IMPORT, item.account, priority), None
