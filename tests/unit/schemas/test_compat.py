"""Pairs of schemas for every rule: the wider form reads the narrower one's data, and not the other way round."""

from typing import Any

import pytest

from schemas.compat import breaks, is_backward, is_forward

STRING, INTEGER, NUMBER, NULL = {"type": "string"}, {"type": "integer"}, {"type": "number"}, {"type": "null"}
OPEN = {"type": "object", "properties": {"a": STRING}, "required": ["a"]}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _ref(**definitions: Any) -> dict[str, Any]:
    return {"$ref": "#/$defs/X", "$defs": definitions}


WIDENINGS: dict[str, tuple[Any, Any]] = {  # name: (narrow, wide)
    "integer to number": (INTEGER, NUMBER),
    "string or null": (STRING, {"anyOf": [STRING, NULL]}),
    "list of types": (STRING, {"type": ["string", "null"]}),
    "one more enum value": ({"enum": ["a", "b"]}, {"enum": ["a", "b", "c"]}),
    "enum to string": ({"type": "string", "enum": ["a"]}, STRING),
    "const to enum": ({"const": "a"}, {"enum": ["a", "b"]}),
    "boolean to anything": ({"type": "boolean"}, True),
    "one boolean to both": ({"const": True}, {"type": "boolean"}),
    "whole number to number with bound": ({"const": 5}, {"type": "number", "minimum": 5}),
    "lower minimum": ({**NUMBER, "minimum": 1}, {**NUMBER, "minimum": 0}),
    "exclusive to inclusive minimum": ({**NUMBER, "exclusiveMinimum": 0}, {**NUMBER, "minimum": 0}),
    "no minimum": ({**NUMBER, "minimum": 1}, NUMBER),
    "higher maximum": ({**NUMBER, "maximum": 1}, {**NUMBER, "maximum": 2}),
    "exclusive to inclusive maximum": ({**NUMBER, "exclusiveMaximum": 0}, {**NUMBER, "maximum": 0}),
    "finer step": ({**NUMBER, "multipleOf": 0.1}, {**NUMBER, "multipleOf": 0.01}),
    "shorter minimum length": ({**STRING, "minLength": 2}, {**STRING, "minLength": 1}),
    "longer maximum length": ({**STRING, "maxLength": 2}, {**STRING, "maxLength": 3}),
    "no pattern": ({**STRING, "pattern": "^a"}, STRING),
    "no format": ({**STRING, "format": "date-time"}, STRING),
    "enum value of a pattern": ({"enum": ["ab"]}, {**STRING, "pattern": "^a"}),
    "fewer items": ({"type": "array", "minItems": 2}, {"type": "array", "minItems": 1}),
    "more items": ({"type": "array", "maxItems": 2}, {"type": "array"}),
    "repeated items": ({"type": "array", "uniqueItems": True}, {"type": "array"}),
    "wider items": ({"type": "array", "items": INTEGER}, {"type": "array", "items": NUMBER}),
    "wider first item": ({"type": "array", "prefixItems": [INTEGER]}, {"type": "array", "prefixItems": [NUMBER]}),
    "required to optional": (OPEN, {**OPEN, "required": []}),
    "wider property": (_object(a=INTEGER), _object(a=NUMBER)),
    "closed to open": ({**OPEN, "additionalProperties": False}, OPEN),
    "wider map": (
        {"type": "object", "additionalProperties": STRING},
        {"type": "object", "additionalProperties": {"type": ["string", "integer"]}},
    ),
    "fewer properties": ({"type": "object", "minProperties": 1}, {"type": "object"}),
    "more properties": ({"type": "object", "maxProperties": 1}, {"type": "object", "maxProperties": 2}),
    "wider names": (
        {"type": "object", "propertyNames": {"enum": ["a"]}},
        {"type": "object", "propertyNames": {"enum": ["a", "b"]}},
    ),
    "wider definition": (_ref(X=INTEGER), _ref(X=NUMBER)),
    "one more alternative object": (
        {"anyOf": [_object(a=INTEGER)]},
        {"anyOf": [_object(a=INTEGER), _object(b=STRING), {"type": "array"}]},
    ),
    "one more tagged alternative": (
        {"oneOf": [{**_object(kind={"const": "x"}), "required": ["kind"]}]},
        {
            "oneOf": [
                {**_object(kind={"const": "x"}), "required": ["kind"]},
                {**_object(kind={"const": "y"}, n=INTEGER), "required": ["kind"]},
            ]
        },
    ),
}


@pytest.mark.parametrize(("narrow", "wide"), WIDENINGS.values(), ids=WIDENINGS.keys())
def test_wider_form_reads_narrower_data_and_not_the_other_way(narrow: Any, wide: Any) -> None:
    assert breaks(new=wide, old=narrow) == ()
    assert is_forward(new=narrow, old=wide)
    found = breaks(new=narrow, old=wide)
    assert found
    assert all(one.path.startswith("$") and one.reason for one in found)


EQUAL: dict[str, tuple[Any, Any]] = {
    "annotations": (STRING, {**STRING, "title": "T", "description": "d", "x-personal-data": True, "examples": ["a"]}),
    "spelling of a nullable": ({"anyOf": [STRING, NULL]}, {"type": ["null", "string"]}),
    "above zero, from one": ({**INTEGER, "exclusiveMinimum": 0}, {**INTEGER, "minimum": 1}),
    "whole numbers": (INTEGER, {**INTEGER, "multipleOf": 1}),
    "inlined definition": (_ref(X=STRING), STRING),
    "const and enum of one": ({"const": 1}, {"enum": [1.0]}),
    "true and empty": (True, {}),
    "name of a definition": (_ref(X=STRING), {"$ref": "#/$defs/Y", "$defs": {"Y": STRING}}),
    "constraint of a type that cannot be": (STRING, {**STRING, "minimum": 3}),
}


@pytest.mark.parametrize(("one", "other"), EQUAL.values(), ids=EQUAL.keys())
def test_another_way_of_saying_the_same_is_compatible_both_ways(one: Any, other: Any) -> None:
    assert breaks(one, other) == breaks(other, one) == ()


def test_an_optional_property_may_be_added_to_an_open_object_and_taken_away() -> None:
    more = {**OPEN, "properties": {"a": STRING, "b": {"type": "integer", "default": 0}}}
    assert is_backward(new=more, old=OPEN)
    assert is_forward(new=more, old=OPEN)


def test_a_property_that_was_removed_may_not_return_with_another_type() -> None:
    first, second, third = _object(a=STRING, b=STRING), _object(a=STRING), _object(a=STRING, b=INTEGER)
    assert is_backward(second, first)
    assert is_backward(third, second), "only against the form before it"
    assert [str(one) for one in breaks(third, first)] == [
        "$.b: a string was allowed; the new form allows only an integer"
    ]


BREAKS: dict[str, tuple[Any, Any, str]] = {  # name: (new, old, what is told)
    "required property added": (
        {**_object(a=STRING, b=STRING), "required": ["a", "b"]},
        OPEN,
        "$.b: is new and required: make it optional",
    ),
    "optional property becomes required": (OPEN, _object(a=STRING), "$.a: was optional and is now required"),
    "open object closes": (
        {**OPEN, "additionalProperties": False},
        OPEN,
        "$.*: something was allowed here; the new form allows nothing",
    ),
    "property of a map gets a type": (
        {"type": "object", "properties": {"a": INTEGER}},
        {"type": "object", "additionalProperties": STRING},
        "$.a: a string was allowed; the new form allows only an integer",
    ),
    "opaque object gets a property": (
        _object(a=STRING),
        {"type": "object"},
        "$.a: null was allowed; the new form allows only a string",
    ),
    "required but undeclared": (
        _object(a=STRING),
        {"type": "object", "properties": {}, "required": ["a"]},
        "$.a: an object was allowed; the new form allows only a string",
    ),
    "enum value goes": (
        {"enum": ["a"]},
        {"enum": ["a", "b"]},
        '$: the value "b" was allowed; the new form allows only the value "a"',
    ),
    "deep inside": (
        _object(lines={"type": "array", "items": {**_object(price=_object(amount={**STRING, "maxLength": 5}))}}),
        _object(lines={"type": "array", "items": {**_object(price=_object(amount=STRING))}}),
        "$.lines[*].price.amount: maxLength fell from unlimited to 5",
    ),
    "other pattern": (
        {**STRING, "pattern": "^b"},
        {**STRING, "pattern": "^a"},
        "$: the pattern '^b' was '^a': it cannot be proven to allow the same strings",
    ),
    "new format": (
        {**STRING, "format": "date-time"},
        STRING,
        "$: the format 'date-time' is new: it cannot be proven to allow the same strings",
    ),
    "other default": (
        _object(a={**STRING, "default": "x"}),
        _object(a={**STRING, "default": "y"}),
        '$.a: the default changed from "y" to "x": an old fact without the field would be read differently',
    ),
    "true is not 1": (
        {"enum": [1]},
        {"enum": [True]},
        "$: the value true was allowed; the new form allows only the value 1",
    ),
    "step": (
        {**NUMBER, "multipleOf": 2},
        INTEGER,
        "$: numbers that are no multiple of 2 were allowed and are no longer",
    ),
    "value below the bound": (
        {**INTEGER, "minimum": 5},
        {"const": 4},
        "$: the value 4 was allowed; 'minimum' now refuses it",
    ),
}


@pytest.mark.parametrize(("new", "old", "told"), BREAKS.values(), ids=BREAKS.keys())
def test_a_break_is_told_with_its_path_and_reason(new: Any, old: Any, told: str) -> None:
    assert told in [str(one) for one in breaks(new, old)]


UNJUDGEABLE: dict[str, tuple[Any, str]] = {
    "later draft's keyword": ({"unevaluatedProperties": False}, "unevaluatedProperties"),
    "negation": ({"not": STRING}, "'not'"),
    "conditional": ({"if": STRING, "then": STRING}, "'if'"),
    "allOf": ({"allOf": [STRING]}, "allOf"),
    "patternProperties": ({"type": "object", "patternProperties": {"^a": STRING}}, "patternProperties"),
    "misspelt": ({"type": "number", "multiple": 2}, "'multiple'"),
    "draft 3 required": (_object(a={"type": "string", "required": True}), "'required' at #/properties/a"),
    "draft 4 exclusiveMinimum": ({"type": "number", "minimum": 1, "exclusiveMinimum": True}, "exclusiveMinimum"),
    "unknown type": ({"type": "any"}, "'type'"),
    "reference elsewhere": ({"$ref": "https://example.com/x.json"}, "is not in the same document"),
    "reference to nothing": ({"$ref": "#/$defs/Nobody"}, "points to nothing"),
    "reference to itself": ({"$ref": "#/$defs/X", "$defs": {"X": {"$ref": "#/$defs/X"}}}, "refers to itself"),
    "constraint beside a reference": ({"$ref": "#/$defs/X", "minLength": 1, "$defs": {"X": STRING}}, "minLength"),
    "overlapping oneOf": ({"oneOf": [INTEGER, NUMBER]}, "discriminator"),
    "in an unused definition": ({**STRING, "$defs": {"X": {"dependentRequired": {}}}}, "dependentRequired"),
    "not a schema": ({"items": "string"}, "is not a schema"),
}


@pytest.mark.parametrize(("schema", "told"), UNJUDGEABLE.values(), ids=UNJUDGEABLE.keys())
def test_what_is_not_understood_is_refused_even_if_nothing_changed(schema: Any, told: str) -> None:
    (only,) = breaks(schema, schema)
    assert told in only.reason


def test_a_recursive_schema_is_judged() -> None:
    def tree(leaf: Any) -> dict[str, Any]:
        node = {"type": "object", "properties": {"v": leaf, "next": {"anyOf": [{"$ref": "#/$defs/N"}, NULL]}}}
        return {"$ref": "#/$defs/N", "$defs": {"N": node}}

    assert is_backward(tree(NUMBER), tree(INTEGER))
    assert "$.v" in {one.path for one in breaks(tree(INTEGER), tree(NUMBER))}
