"""The law of the compatibility check: what it accepts, an independent validator accepts for any old datum."""

import copy
from typing import Any

import jsonschema
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from schemas.compat import breaks, is_backward
from schemas.documents import generate, versions
from schemas.registry import EVENTS

NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["a", "b", "longer", "", 0, 1, 2, -3, 1.5, True, False, None])
BOUNDS = st.integers(-3, 3)
SIZES = st.integers(0, 3)


def _some(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keywords)


def _typed(kind: str, keywords: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return keywords.map(lambda chosen: {"type": kind, **chosen})


LEAVES = st.one_of(
    st.just({"type": "null"}),
    st.just({"type": "boolean"}),
    _typed("string", _some(minLength=SIZES, maxLength=SIZES, pattern=st.sampled_from(["^a", "b"]))),
    *(
        _typed(
            kind,
            _some(minimum=BOUNDS, maximum=BOUNDS, exclusiveMinimum=BOUNDS, multipleOf=st.sampled_from([1, 2, 0.5])),
        )
        for kind in ("integer", "number")
    ),
    st.lists(VALUES, min_size=1, max_size=3).map(lambda values: {"enum": values}),
    VALUES.map(lambda value: {"const": value}),
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = _some(
        properties=st.dictionaries(NAMES, inner, max_size=3),
        required=st.lists(NAMES, max_size=2, unique=True),
        additionalProperties=st.booleans() | inner,
        minProperties=SIZES,
        maxProperties=SIZES,
    )
    arrays = _some(items=inner, prefixItems=st.lists(inner, min_size=1, max_size=2), minItems=SIZES, maxItems=SIZES)
    return st.one_of(
        _typed("object", objects),
        _typed("array", arrays),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
    )


SCHEMAS = st.recursive(LEAVES, _nested, max_leaves=6)
WIDEN = st.sampled_from(["drop", "nullable", "optional", "add", "number", "reorder"])


@st.composite
def _changed(draw: st.DrawFn) -> tuple[Any, Any]:
    """An old schema and a new one that came from it by some edits, each of them wide or narrow."""
    old = draw(SCHEMAS)
    new = copy.deepcopy(old)
    for _ in range(draw(st.integers(0, 3))):
        new = _edit(draw, new)
    return old, new


def _edit(draw: st.DrawFn, schema: Any) -> Any:
    if not isinstance(schema, dict) or draw(st.integers(0, 9)) == 0:
        return draw(SCHEMAS)
    inside = [name for name in ("items", "additionalProperties") if isinstance(schema.get(name), dict)]
    if inside and draw(st.booleans()):
        name = draw(st.sampled_from(inside))
        return {**schema, name: _edit(draw, schema[name])}
    if schema.get("properties") and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(schema["properties"])))
        return {**schema, "properties": {**schema["properties"], name: _edit(draw, schema["properties"][name])}}
    match draw(WIDEN):
        case "drop" if len(schema) > 1:
            gone = draw(st.sampled_from(sorted(schema.keys() - {"type"})) if schema.keys() - {"type"} else st.none())
            return {name: value for name, value in schema.items() if name != gone}
        case "optional" if "required" in schema:
            return {**schema, "required": schema["required"][1:]}
        case "add" if schema.get("type") == "object":
            return {**schema, "properties": {**schema.get("properties", {}), draw(NAMES): draw(LEAVES)}}
        case "number" if schema.get("type") == "integer":
            return {**schema, "type": "number"}
        case _:
            return {"anyOf": [schema, draw(LEAVES)]}


def _data(schema: Any, inner: int = 3) -> st.SearchStrategy[Any]:
    """Data near a schema; the caller keeps those that an independent validator accepts."""
    anything = VALUES | st.just([]) | st.just({})
    if not isinstance(schema, dict) or inner == 0:
        return anything
    if "anyOf" in schema:
        return st.one_of([_data(branch, inner) for branch in schema["anyOf"]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    match schema.get("type"):
        case "string":
            return st.text("ab", max_size=4)
        case "integer" | "number":
            return st.integers(-4, 4) | st.sampled_from([0.5, -1.5, 2.0, 1e3])
        case "array":
            first = [_data(one, inner - 1) for one in schema.get("prefixItems", [])]
            rest = st.lists(_data(schema.get("items"), inner - 1), max_size=3)
            return st.tuples(st.tuples(*first), rest, SIZES).map(
                lambda t: [*t[0], *t[1]][: len(t[0]) + len(t[1]) - t[2] // 3]
            )
        case "object":
            declared = {name: _data(one, inner - 1) for name, one in schema.get("properties", {}).items()}
            required = {name: declared.get(name, anything) for name in schema.get("required", [])}
            optional = {name: one for name, one in declared.items() if name not in required}
            known = st.fixed_dictionaries(required, optional=optional)
            # A writer puts only declared fields into an open object; into a map it puts any.
            extra_names = NAMES if "additionalProperties" in schema or "properties" not in schema else st.just("zz")
            extra = st.dictionaries(extra_names, _data(schema.get("additionalProperties"), inner - 1), max_size=2)
            return st.tuples(extra, known).map(lambda t: {**t[0], **t[1]})
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case _:
            return anything


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(pair=_changed(), more=st.data())
def test_old_data_are_valid_under_every_form_that_is_called_compatible(
    pair: tuple[Any, Any], more: st.DataObject
) -> None:
    old, new = pair
    verdict = is_backward(new, old)
    event(f"compatible: {verdict}")
    assume(verdict)
    datum = more.draw(_data(old))
    assume(jsonschema.Draft202012Validator(old).is_valid(datum))
    event("judged")
    jsonschema.Draft202012Validator(new).validate(datum)


@settings(max_examples=200, deadline=None)
@given(schema=SCHEMAS)
def test_a_schema_is_compatible_with_itself(schema: Any) -> None:
    assert breaks(schema, copy.deepcopy(schema)) == ()


@settings(max_examples=200, deadline=None)
@given(pair=_changed())
def test_a_refusal_has_a_reason_at_a_path(pair: tuple[Any, Any]) -> None:
    old, new = pair
    for found in breaks(new, old):
        assert found.path.startswith("$")
        assert found.reason.strip()


def test_every_event_is_judgeable_and_compatible_with_itself() -> None:
    for version in versions(EVENTS):
        assert breaks(generate(version), generate(version)) == ()
