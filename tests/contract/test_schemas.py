"""Every event version: its schema is committed, its model agrees with it, and its examples prove both."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from schemas import asyncapi
from schemas.check import check, drift
from schemas.documents import generate, path, text, versions
from schemas.envelope import Envelope
from schemas.event import Fact
from schemas.examples import Example, examples
from schemas.registry import EVENTS, InvalidData, Version, read_fact
from schemas.topics import FOLDER, topics

VERSIONS = versions(EVENTS)
EXAMPLES = [example for version in VERSIONS for example in examples(version, FOLDER)]
PASSES = [example for example in EXAMPLES if example.passes]
FAILS = [example for example in EXAMPLES if not example.passes]


def _ids(examples_: list[Example]) -> list[str]:
    return [example.file.name for example in examples_]


def _envelope(version: Version) -> Envelope:
    """An envelope with the extension attributes that an opaque event reads; the others ignore them."""
    told = {"marketplace": "m", "account": "a", "deliveryid": "d", "notificationtopic": "t", "resource": "/r"}
    return Envelope(
        "1", "/test", version.type, datetime(2026, 1, 1, tzinfo=UTC), "m:1", version.dataschema, extensions=told
    )


def _validator(version: Version) -> jsonschema.protocols.Validator:
    schema = json.loads(path(version, FOLDER).read_bytes())
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def _decode(example: Example) -> Fact:
    return example.version.model.decode(_envelope(example.version), example.value)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.type)
def test_schema_is_valid_and_says_what_it_is(version: Version) -> None:
    schema = json.loads(path(version, FOLDER).read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == version.dataschema
    assert schema["title"] == version.model.__name__
    assert schema["description"]
    assert schema["x-event"]["type"] == version.type


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.type)
def test_every_version_has_a_minimal_a_full_and_several_failing_examples(version: Version) -> None:
    found = examples(version, FOLDER)
    assert {"minimal", "full"} <= {example.case for example in found if example.passes}
    assert len([example for example in found if not example.passes]) >= 3


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.type)
def test_the_full_example_has_every_field(version: Version) -> None:
    schema = generate(version)
    (full,) = (example for example in PASSES if example.version == version and example.case == "full")
    assert list(_missing(schema, schema, full.data, "$")) == []


def _missing(schema: dict[str, Any], document: dict[str, Any], data: Any, at: str) -> list[str]:
    while "$ref" in schema:
        schema = document["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    for branch in schema.get("anyOf", []):
        if data is not None and branch.get("type") != "null":
            return _missing(branch, document, data, at)
    if isinstance(data, list):
        return [one for item in data for one in _missing(schema["items"], document, item, f"{at}[*]")]
    found = []
    for name, part in schema.get("properties", {}).items():
        found += _missing(part, document, data[name], f"{at}.{name}") if name in data else [f"{at}.{name}"]
    return found


@pytest.mark.parametrize("example", PASSES, ids=_ids(PASSES))
def test_passing_example_is_accepted_round_trips_and_upcasts(example: Example) -> None:
    _validator(example.version).validate(example.data)
    fact = _decode(example)
    encoded = fact.encode()
    _validator(example.version).validate(json.loads(encoded))
    assert example.version.model.decode(_envelope(example.version), encoded) == fact
    if example.case == "full":
        assert json.loads(encoded) == example.data
    latest = read_fact(_envelope(example.version), example.value)
    family = example.version.family
    assert type(latest) is family.versions[family.latest]
    assert latest.key() == fact.key()


@pytest.mark.parametrize("example", FAILS, ids=_ids(FAILS))
def test_failing_example_is_refused_by_schema_and_model(example: Example) -> None:
    assert not _validator(example.version).is_valid(example.data)
    with pytest.raises(ValidationError):
        _decode(example)
    with pytest.raises(InvalidData):
        read_fact(_envelope(example.version), example.value)


def test_no_example_belongs_to_nothing() -> None:
    assert set(FOLDER.glob("*/examples/*")) == {example.file for example in EXAMPLES}


def test_schemas_are_committed_compatible_and_frozen() -> None:
    assert [problem for finding in check(EVENTS, FOLDER) for problem in finding.problems] == []


def test_asyncapi_document_is_committed() -> None:
    assert drift(FOLDER / asyncapi.FILE, text(asyncapi.document(EVENTS, topics())), FOLDER) == ()


def test_raw_webhook_is_kept_byte_for_byte(tmp_path: Path) -> None:
    version = next(one for one in VERSIONS if one.family.name == "webhook.received")
    body = b'{ "a" : 1.50,\t"a":"\\u00fc", "big": 123456789012345678901234567890 }'
    assert version.model.decode(_envelope(version), body).encode() == body
