"""The JSON Schema (2020-12) keywords that pydantic generates, brought to one simple form for comparison.

`expand` turns any schema of the subset into a list of alternatives, each for one JSON type, without `$ref`, `anyOf`,
`oneOf` or lists of types. Whatever lies outside the subset raises `Unjudgeable`: it is never skipped.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Schema = bool | Mapping[str, Any]

TYPES: Final = ("null", "boolean", "number", "string", "array", "object")
ANNOTATIONS: Final = frozenset(
    {"$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
)
_COUNTS = frozenset(
    {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}
)  # whole numbers from zero
_NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_STRINGS = frozenset({"pattern", "format", "$ref"})
_BRANCHES = frozenset({"anyOf", "oneOf", "prefixItems"})
_CHILDREN = frozenset({"items", "additionalProperties", "propertyNames"})
_NAMED = frozenset({"properties", "$defs"})
_OTHER = frozenset({"type", "enum", "const", "required", "uniqueItems", "discriminator"})
KEYWORDS: Final = ANNOTATIONS | _COUNTS | _NUMBERS | _STRINGS | _BRANCHES | _CHILDREN | _NAMED | _OTHER

_COMBINERS = ("$ref", "anyOf", "oneOf")
_ABSENT: Final = object()


class Unjudgeable(ValueError):
    """A schema says something that this program does not understand, so that nothing can be promised about it."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """All data of one JSON type (or `integer`) that satisfy `rules`. Where there is a `value`, it is the only one."""

    type: str
    rules: Mapping[str, Any]
    value: Any = _ABSENT

    @property
    def is_value(self) -> bool:
        """Whether exactly one value is allowed."""
        return self.value is not _ABSENT


def verify(document: Schema) -> None:
    """Raise Unjudgeable unless every keyword of a document, used or not, is one that we understand."""
    _verify(document, "#")


def expand(schema: Schema, document: Schema) -> list[Alternative]:
    """The alternatives of a schema; one of them must hold. Raises Unjudgeable."""
    return list(_expand(schema, document, ()))


def type_of(value: object) -> str:
    """The JSON type of a value; `integer` for whole numbers."""
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "boolean"),
        (int, "integer"),
        (float, "number"),
        (str, "string"),
        ((list, tuple), "array"),
        (Mapping, "object"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")


def same(one: object, other: object) -> bool:
    """Equality as JSON Schema means it: 1 equals 1.0, but true does not equal 1."""
    return canonical(one) == canonical(other)


def canonical(value: object) -> str:
    """One text per JSON value."""
    return json.dumps(_whole(value), sort_keys=True)


def _whole(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: _whole(part) for name, part in value.items()}
    return [_whole(part) for part in value] if isinstance(value, list | tuple) else value


def _expand(schema: Schema, document: Schema, seen: tuple[str, ...]) -> Iterator[Alternative]:
    if isinstance(schema, bool):
        if schema:
            yield from _typed({}, TYPES)
        return
    combiners = [name for name in _COMBINERS if name in schema]
    if not combiners:
        yield from _plain(schema)
        return
    if constraints := [name for name in schema if not _is_annotation(name) and name not in combiners] + combiners[1:]:
        raise Unjudgeable(f"{constraints[0]!r} beside {combiners[0]!r}: put it into each alternative instead")
    if combiners == ["$ref"]:
        reference = schema["$ref"]
        if reference in seen:
            raise Unjudgeable(f"{reference} refers to itself")
        yield from _expand(resolve(reference, document), document, (*seen, reference))
        return
    branches = [list(_expand(branch, document, seen)) for branch in schema[combiners[0]]]
    if combiners == ["oneOf"]:
        _prove_disjoint(branches, document)
    for branch in branches:
        yield from branch


def _plain(schema: Mapping[str, Any]) -> Iterator[Alternative]:
    named = schema.get("type", TYPES)
    types = (named,) if isinstance(named, str) else tuple(named)
    if "const" in schema or "enum" in schema:
        values = [schema["const"]] if "const" in schema else list(schema["enum"])
        if "const" in schema and "enum" in schema:
            values = [value for value in values if any(same(value, other) for other in schema["enum"])]
        for value in values:
            kind = type_of(_whole(value))
            if kind in types or (kind == "integer" and "number" in types):
                yield Alternative(kind, schema, value)
        return
    if "number" in types:
        types = tuple(kind for kind in types if kind != "integer")
    yield from _typed(schema, types)


def _typed(rules: Mapping[str, Any], types: tuple[str, ...]) -> Iterator[Alternative]:
    for kind in types:
        if kind == "null":
            yield Alternative(kind, rules, None)
        elif kind == "boolean":
            yield Alternative(kind, rules, False)
            yield Alternative(kind, rules, True)
        else:
            yield Alternative(kind, rules)


def resolve(reference: str, document: Schema) -> Schema:
    """What a local reference such as `#/$defs/Money` points to; raise Unjudgeable if it points elsewhere or nowhere."""
    if not reference.startswith("#"):
        raise Unjudgeable(f"{reference} is not in the same document")
    found: Any = document
    for part in reference.removeprefix("#").split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or name not in found:
            raise Unjudgeable(f"{reference} points to nothing")
        found = found[name]
    return found  # type: ignore[no-any-return]  # verified to be a schema by the walk over the whole document


def _prove_disjoint(branches: list[list[Alternative]], document: Schema) -> None:
    """`oneOf` equals `anyOf` only if no two of its branches can hold at once: told apart by type, value or a tag."""
    for index, branch in enumerate(branches):
        for other in branches[index + 1 :]:
            if not all(_disjoint(one, two, document) for one in branch for two in other):
                raise Unjudgeable("two alternatives of 'oneOf' may hold at once: give them a discriminator")


def _disjoint(one: Alternative, two: Alternative, document: Schema) -> bool:
    if {one.type, two.type} == {"integer", "number"} or one.type == two.type:
        if one.is_value and two.is_value:
            return not same(one.value, two.value)
        return one.type == two.type == "object" and _told_apart(one.rules, two.rules, document)
    return True


def _told_apart(one: Mapping[str, Any], two: Mapping[str, Any], document: Schema) -> bool:
    shared = set(one.get("required", ())) & set(two.get("required", ()))
    for name in shared & set(one.get("properties", ())) & set(two.get("properties", ())):
        tags = [expand(rules["properties"][name], document) for rules in (one, two)]
        if all(tag.is_value for side in tags for tag in side):
            first, second = ({canonical(tag.value) for tag in side} for side in tags)
            return not first & second
    return False


def _is_annotation(name: str) -> bool:
    return name in ANNOTATIONS or name.startswith("x-") or name in {"$defs", "discriminator"}


def _verify(schema: object, at: str) -> None:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        raise Unjudgeable(f"{at} is not a schema")
    for name, value in schema.items():
        if not (name in KEYWORDS or name.startswith("x-")):
            raise Unjudgeable(f"the checker does not know the keyword {name!r} at {at}, so it refuses to judge")
        if not _well_formed(name, value):
            raise Unjudgeable(f"{name!r} at {at} is not what JSON Schema 2020-12 means by it")
        for step, child in _children(name, value):
            _verify(child, f"{at}/{step}")


def _well_formed(name: str, value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    types = {*TYPES, "integer"}
    checks = {
        **dict.fromkeys(_COUNTS, isinstance(value, int) and number and _not_below_zero(value)),
        **dict.fromkeys(_NUMBERS, number),
        **dict.fromkeys(_STRINGS, isinstance(value, str)),
        **dict.fromkeys(_BRANCHES, isinstance(value, list) and bool(value)),
        **dict.fromkeys(_NAMED, isinstance(value, Mapping)),
        "type": value in types
        if isinstance(value, str)
        else isinstance(value, list) and all(isinstance(one, str) and one in types for one in value),
        "enum": isinstance(value, list),
        "required": isinstance(value, list) and all(isinstance(one, str) for one in value),
        "uniqueItems": isinstance(value, bool),
    }
    return checks.get(name, True) and not (name == "multipleOf" and value == 0)


def _not_below_zero(value: int) -> bool:
    return value >= 0


def _children(name: str, value: Any) -> Iterator[tuple[str, object]]:
    if name in _CHILDREN:
        yield name, value
    elif name in _BRANCHES:
        yield from ((f"{name}/{index}", child) for index, child in enumerate(value))
    elif name in _NAMED:
        yield from ((f"{name}/{key}", child) for key, child in value.items())
