"""Bodies that conform to a schema of the contract, drawn from a seed."""

import random
from typing import Any

from tests.contract.ebay.published import REF, Published

_MEANT = {"value": "85.0", "currency": "USD", "country": "US"}
"""Strings whose form stands in the contract's text alone: amounts and codes."""

_DEEPEST = 8


class Bodies:
    """Draws values. `fullness` is the share of optional properties that are there (1: all of them)."""

    def __init__(self, contract: Published, seed: int, fullness: float = 1.0) -> None:
        self._contract = contract
        self._random = random.Random(seed)
        self._fullness = fullness
        self._drawn = 0

    def of(self, name: str) -> Any:
        """A value of the schema with this name."""
        return self._draw({"$ref": f"{REF}{name}"}, "", _DEEPEST)

    def _draw(self, schema: dict[str, Any], name: str, depth: int) -> Any:
        if "$ref" in schema:
            return self._draw(self._contract.schema(schema["$ref"].removeprefix(REF)), name, depth - 1)
        if "anyOf" in schema:
            return self._draw(self._random.choice(schema["anyOf"]), name, depth)
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        match schema.get("type"):
            case "object":
                return self._object(schema, depth)
            case "array":
                most = 3 if depth > 0 else 0
                return [
                    self._draw(schema["items"], name, depth) for _ in range(self._random.randint(min(1, most), most))
                ]
            case "integer":
                return self._random.randint(0, 500)
            case "number":
                return self._random.randint(0, 5000) / 4
            case "boolean":
                return self._random.random() < 0.5
            case "string":
                self._drawn += 1
                return _MEANT.get(name, f"{name}-{self._random.randint(0, 10**6)}-{self._drawn}")
        raise AssertionError(f"no value can be drawn for {name}: {schema}")

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        if "properties" not in schema:
            inner = schema.get("additionalProperties")
            return (
                {f"Name {each}": self._draw(inner, "value of an aspect", depth) for each in range(2)} if inner else {}
            )
        required = schema.get("required", [])
        return {
            name: self._draw(inner, name, depth)
            for name, inner in schema["properties"].items()
            if name in required or self._random.random() < self._fullness
        }
