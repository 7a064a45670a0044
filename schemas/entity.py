"""What an entity of the catalog is: one declaration, from which its event, topic, read model, route and documents come.

Source: mission, "Marketplace Management Modules". A new entity is one file, `schemas/<topic>/<noun>_changed.py`, that
declares a fact and an `ENTITY`; `make schemas` writes its topic.yaml, JSON Schema, examples and `__init__.py`.

A fact's fields are the documented ones in snake_case, each of these types: str, int, bool, DecimalString, UtcTime,
date, a StrEnum, Json, or one of them `| None`. A field with a default is optional in a request.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from annotated_types import Ge, Gt, Le
from pydantic.alias_generators import to_camel

from schemas.event import EventFamily, Fact
from schemas.values import Basis, UtcTime

Bounds = tuple[Ge | Gt | Le, ...]

NOT_NEGATIVE: Bounds = (Ge(0),)
POSITIVE: Bounds = (Gt(0),)
RATE: Bounds = (Ge(0), Le(1))


class EntityFact(Fact):
    """What every fact about an entity says besides its fields. `deleted`: it is gone, its number stays taken."""

    basis: Basis = None
    deleted: bool = False
    updated_at: UtcTime


OWN_FIELDS = frozenset(EntityFact.model_fields)


@dataclass(frozen=True)
class Reference:
    """A field that holds another entity's number.

    `to` names the other entity's collection. Where that depends on another field, `by` names it, and `to` gives the
    collection for each of its values.
    """

    field: str
    to: str | Mapping[str, str]
    by: str | None = None

    @property
    def collections(self) -> tuple[str, ...]:
        """All collections that it can lead to."""
        return (self.to,) if isinstance(self.to, str) else tuple(self.to.values())

    def collection(self, other: object) -> str:
        """Where it leads, given the value of the field `by`."""
        return self.to if isinstance(self.to, str) else self.to[str(other)]


@dataclass(frozen=True)
class Workflow:
    """The states that a field may go through: which may begin, and what may follow each."""

    field: str
    starts: tuple[str, ...]
    steps: Mapping[str, tuple[str, ...]]


def _nothing(_fact: Any) -> None:
    return None


@dataclass(frozen=True, eq=False)
class Entity:
    """An entity of the catalog.

    | part         | meaning                                                                                       |
    |--------------|-----------------------------------------------------------------------------------------------|
    | `collection` | its path and the one member of its requests' bodies, for example `unifiedProducts`            |
    | `noun`       | its name in events (`unified_product` → `unified_product.changed`)                            |
    | `topic`      | its topic and its read model                                                                  |
    | `fact`       | its fields, and what they mean                                                                |
    | `example`    | an operation as the document shows it                                                         |
    | `unique`     | sets of fields whose values no two rows share; the first set also finds a row without its id  |
    | `bounds`     | what numbers a request may give                                                               |
    | `names`      | documented names that are not the field's name in camelCase                                   |
    | `id_field`   | the field with its number; `id_aliases` are other names for it in requests, besides `id`      |
    | `empty_means`| what an empty text stands for, by field                                                       |
    | `check`      | raises ValueError, in words, for fields that contradict each other                            |
    """

    collection: str
    noun: str
    topic: str
    fact: type[EntityFact]
    summary: str
    example: Mapping[str, Any]
    id_field: str = ""
    id_aliases: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    references: tuple[Reference, ...] = ()
    workflow: Workflow | None = None
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    empty_means: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[Any], None] = _nothing
    partitions: int = 3
    producers: tuple[str, ...] = ("catalog",)
    consumers: tuple[str, ...] = ("projector",)

    def __post_init__(self) -> None:
        if not self.id_field:
            object.__setattr__(self, "id_field", f"{self.noun}_id")
        used = {self.id_field, *self.bounds, *self.names, *self.empty_means, *(one.field for one in self.references)}
        used |= {name for names in self.unique for name in names}
        used |= {self.workflow.field} if self.workflow is not None else set()
        if unknown := used - self.fact.model_fields.keys():
            raise ValueError(f"entity {self.collection}: its fact has no field {', '.join(sorted(unknown))}")

    @cached_property
    def event(self) -> EventFamily:
        return EventFamily(f"{self.noun}.changed", topic=self.topic, versions={1: self.fact})

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The fields that a request gives: all but the id and what every fact has."""
        return tuple(name for name in self.fact.model_fields if name not in OWN_FIELDS and name != self.id_field)

    def told(self, name: str) -> str:
        """A field's documented name."""
        return self.names.get(name) or to_camel(name)
