"""What a read model is: a table, a row, and a pure fold from facts to rows."""

import hashlib
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import msgspec

from libs.db.pool import Record
from libs.projection.copy_lines import LineForm, line_form
from libs.projection.quick_facts import QuickFacts
from schemas.event import Fact
from schemas.registry import BY_MODEL

MOST_KEY_BYTES = 1024
"""A btree page takes index entries up to 2,704 bytes; no identifier comes near this."""


class Refused(ValueError):
    """A fact cannot become a row (a number beyond the column, a key beyond the index). Must depend on the fact alone.

    The projector puts such a record into the dead letters; a rebuild skips it.
    """


class Position(msgspec.Struct, frozen=True, gc=False):
    """Where in the log a fact stands, and which event it is. `topic` is the declared name."""

    topic: str
    partition: int
    offset: int
    event_id: str
    correlation_id: str | None


class Row(msgspec.Struct, frozen=True, gc=False):
    """What every row of every read model has: its key, and the fact that made it what it is.

    `updated_at` is the time of the change at its origin, as the fact tells it.
    """

    key: str
    updated_at: datetime
    event_id: str
    correlation_id: str | None
    log_topic: str
    log_partition: int
    log_offset: int


R = TypeVar("R", bound=Row)
F = TypeVar("F", bound=Fact)


class Gathered(Protocol):
    """What is known of a key after some of its facts. `source`: that of the fact that its row will be made of."""

    @property
    def source(self) -> Any: ...


@runtime_checkable
class Gathers(Protocol):
    """An `evolve` that need not make a row of every fact.

    Whoever has all facts of a key from the first one on may `gather` them, each once in the order of their partition,
    and each with a source that it can be had from again; and make the `row` once, of what was gathered and of the fact
    of its source. That row equals the one that `evolve` comes to, fact by fact. `gather` may change and return what it
    is given, and raises Refused as `evolve` does; it looks at no amount, which may still be a text. `files`: what
    gathers, beside the file of the fold's own class.
    """

    @property
    def files(self) -> tuple[Path, ...]: ...

    def gather(
        self, known: Any, fact: Any, offset: int, event_id: str, correlation_id: str | None, source: Any
    ) -> Gathered: ...

    def row(self, known: Any, fact: Any, topic: str, partition: int) -> Row: ...


@dataclass(frozen=True)
class ReadModel(Generic[R, F]):
    """The declaration from which the live projection, the rebuild, the digest and the diff are all driven.

    `fact` is the latest version of the one event that it is made of. `evolve` gives the row after a fact: the same row
    for a fact that changes nothing, None where there shall be none. It is pure: no clock, no network, no randomness,
    and it reads attributes only, so that any reader's form of the fact will do. A change of `evolve` or of `table.sql`
    that changes rows is a new `version`, which a rebuild brings in.
    """

    name: str
    version: int
    fact: type[F]
    row: type[R]
    evolve: Callable[[R | None, F, Position], R | None]

    def __post_init__(self) -> None:
        family = BY_MODEL[self.fact].family
        if self.fact is not family.versions[family.latest]:
            raise ValueError(f"read model {self.name}: facts arrive in their latest version, v{family.latest}")

    @property
    def topics(self) -> tuple[str, ...]:
        return (BY_MODEL[self.fact].family.topic,)

    @cached_property
    def quick(self) -> QuickFacts:
        """Reads the ordinary records of this fact."""
        return QuickFacts(self.fact)

    @cached_property
    def glance(self) -> QuickFacts:
        """As `quick`, for who gathers: amounts stay texts until the row is made."""
        return QuickFacts(self.fact, texts=True)

    @cached_property
    def forms(self) -> tuple[type, ...]:
        """The classes that the fact comes in, one for each reader."""
        return (self.fact,) if self.quick.form is None else (self.fact, self.quick.form)

    @cached_property
    def folder(self) -> Path:
        """Where `table.sql` and `project.py` are: beside the row's class."""
        return Path(inspect.getfile(self.row)).parent

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return self.row.__struct_fields__

    @cached_property
    def table_sql(self) -> str:
        """The table's definition, with `{schema}` where its schema belongs."""
        return (self.folder / "table.sql").read_text()

    @cached_property
    def table_parts(self) -> tuple[str, str]:
        """`table_sql` in two: the table alone, and its keys and indexes."""
        table, end, indexes = self.table_sql.partition("\n);\n")
        return table + end, indexes

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the table's definition and the fold: a build that another form began is not resumed."""
        sources = [self.folder / "table.sql", self.folder / "project.py"]
        if not inspect.isfunction(self.evolve):  # a fold that several read models share
            sources.append(Path(inspect.getfile(type(self.evolve))))
        if isinstance(self.evolve, Gathers):
            sources.extend(self.evolve.files)
        return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]

    @cached_property
    def line_form(self) -> LineForm:
        """How rows are written for COPY."""
        return line_form(typing.get_type_hints(self.row), self._json_decoders)

    @cached_property
    def _json_decoders(self) -> Mapping[str, "msgspec.json.Decoder[Any]"]:
        hints = typing.get_type_hints(self.row)
        return {name: msgspec.json.Decoder(hints[name]) for name in self.columns if _is_json(hints[name])}

    @cached_property
    def _json_places(self) -> tuple[int, ...]:
        return tuple(self.columns.index(name) for name in self._json_decoders)

    def values(self, row: R) -> tuple[Any, ...]:
        """The row as column values, in the order of `columns`; what is nested becomes JSON text."""
        values = list(msgspec.structs.astuple(row))
        for place in self._json_places:
            if values[place] is not None:
                values[place] = _encode_json(values[place]).decode()
        return tuple(values)

    def row_of(self, record: Record) -> R:
        """The row in a database record that has all columns."""
        nested = self._json_decoders
        return self.row(
            **{
                name: nested[name].decode(record[name]) if name in nested and record[name] is not None else record[name]
                for name in self.columns
            }
        )


AnyReadModel = ReadModel[Any, Any]
_encode_json = msgspec.json.Encoder().encode


def _is_json(hint: Any) -> bool:
    """Whether a column of this type is jsonb: structs, and sequences of them. A list of texts is text[]."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_is_json(part) for part in typing.get_args(hint))
    if origin is not None and issubclass(origin, Sequence):
        return any(_is_json(part) for part in typing.get_args(hint) if part is not Ellipsis)
    if origin is dict:
        return True
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)
