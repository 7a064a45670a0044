"""What an event is: a family of versions under one name, with the upcasters between them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from schemas.envelope import SCHEMA_PREFIX, TYPE_PREFIX, Envelope


class Fact(BaseModel):
    """One version of an event's data. Past tense, immutable, complete: the entity's whole new state.

    Reading ignores fields that it does not know, so that a later compatible form of the same version can be read.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    def key(self) -> str:
        """The identity of the entity: the CloudEvents subject and the Kafka key."""
        raise NotImplementedError(f"{type(self).__name__} does not say which entity it is about")

    def person(self) -> str | None:
        """Whose personal data the fact holds, None where it is nobody's: a publisher seals it with that one's key.

        A person at a marketplace (`mercadolibre:123`), or, where the fact does not say who it is, the deal by which
        that is known (`mercadolibre:order/9`). To be asked of a fact that is not sealed yet, as `ties`.
        """
        return None

    def ties(self) -> list[tuple[str, str]]:
        """What the fact tells of who is behind what: a deal, and the person or deal that it belongs to."""
        return []

    def encode(self) -> bytes:
        """The record's value: compact JSON in UTF-8."""
        return self.model_dump_json().encode()

    @classmethod
    def decode(cls, envelope: Envelope, value: bytes) -> Self:  # noqa: ARG003  (an opaque event reads its envelope)
        """Read a record's value; raise pydantic.ValidationError if it is not of this shape."""
        return cls.model_validate_json(value)

    @classmethod
    def data_schema(cls) -> dict[str, Any]:
        """The JSON Schema (2020-12) of the value, without `$id`."""
        return cls.model_json_schema()


Upcaster = Callable[[Any], Fact]


@dataclass(frozen=True)
class EventFamily:
    """An event: its name (`order.changed`), its topic, its versions in order, and the way from each to the next.

    `upcasters[n]` turns version n into version n + 1.
    """

    name: str
    topic: str
    versions: Mapping[int, type[Fact]]
    upcasters: Mapping[int, Upcaster] = field(default_factory=dict)

    def __post_init__(self) -> None:
        expected = list(range(1, len(self.versions) + 1))
        if list(self.versions) != expected:
            raise ValueError(f"event {self.name}: versions must be 1, 2, … in order, not {list(self.versions)}")
        if list(self.upcasters) != expected[:-1]:
            raise ValueError(f"event {self.name}: each version but the last needs an upcaster to the next")

    @property
    def latest(self) -> int:
        """The version that producers write."""
        return max(self.versions)

    def type(self, version: int) -> str:
        """The CloudEvents type, for example `sellstream.order.changed.v2`."""
        return f"{TYPE_PREFIX}{self.name}.v{version}"

    def dataschema(self, version: int) -> str:
        """The identifier (`$id`) of the JSON Schema of one version."""
        return f"{SCHEMA_PREFIX}{self.name}.v{version}"

    def upcast(self, fact: Fact, version: int) -> Fact:
        """Carry a fact of an older version to the latest one, step by step."""
        for step in range(version, self.latest):
            fact = self.upcasters[step](fact)
        return fact
