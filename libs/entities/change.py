"""One operation on an entity's row: what a request asks for over HTTP, or a service decides by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

CREATE, UPDATE, DELETE = "1", "2", "3"


class Asked(Protocol):
    """`action`: CREATE, UPDATE or DELETE. Without `number`, the entity's first unique set in `given` names the row."""

    @property
    def action(self) -> str: ...

    @property
    def number(self) -> int | None: ...

    def given(self) -> dict[str, Any]:
        """The fields that are given, by their names in facts; what an update does not give stays."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """An operation that a service decided."""

    action: str
    number: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)

    def given(self) -> dict[str, Any]:
        return dict(self.fields)
