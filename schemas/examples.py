"""Examples of every event version: `orders/examples/order_changed.v2.full.pass.json`, `….status-not-ours.fail.json`.

They are read by people, shown in the AsyncAPI document, and run by the contract tests: a `pass` must be accepted, a
`fail` refused, by the JSON Schema and by the model. `full` has every field.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from schemas.documents import stem
from schemas.registry import Version


@dataclass(frozen=True, slots=True)
class Example:
    """One example file."""

    version: Version
    case: str
    passes: bool
    file: Path

    @property
    def value(self) -> bytes:
        """The record's value."""
        return self.file.read_bytes()

    @property
    def data(self) -> object:
        """The value as JSON."""
        return json.loads(self.value)


def examples(version: Version, folder: Path) -> list[Example]:
    """The examples of a version, under the folder of all schemas, by name."""
    found = []
    prefix = f"{stem(version)}."
    for file in sorted((folder / version.family.topic / "examples").glob(f"{prefix}*.json")):
        case, _, verdict = file.name.removeprefix(prefix).removesuffix(".json").rpartition(".")
        if verdict not in ("pass", "fail") or not case:
            raise ValueError(f"{file.name} must be called {prefix}<case>.pass.json or {prefix}<case>.fail.json")
        found.append(Example(version, case, verdict == "pass", file))
    return found
