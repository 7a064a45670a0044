"""The AsyncAPI document is valid by AsyncAPI's own JSON Schema, and what it says of messages is what we write."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from libs.bus.dead_letter import annotated
from libs.bus.outcome import ErrorClass
from schemas import asyncapi
from schemas.documents import versions
from schemas.envelope import Envelope
from schemas.examples import examples
from schemas.registry import EVENTS, Version
from schemas.topics import FOLDER, topics
from schemas.webhooks.webhook_received import WebhookReceivedV1

OFFICIAL = Path(__file__).parents[1] / "fixtures" / "asyncapi" / "3.0.0.json"
VERSIONS = versions(EVENTS)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads((FOLDER / asyncapi.FILE).read_bytes())


def _official() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(json.loads(OFFICIAL.read_bytes()))


def test_document_is_valid_by_the_official_schema(document: dict[str, Any]) -> None:
    assert [error.message for error in _official().iter_errors(document)] == []


def test_official_schema_does_refuse(document: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(document))
    broken["operations"]["projector.receive.orders"]["action"] = "publish"
    assert not _official().is_valid(broken)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in _references(document):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            assert step in found, reference
            found = found[step]


def _references(part: Any) -> list[str]:
    if isinstance(part, list):
        return [one for item in part for one in _references(item)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    return own + [one for value in part.values() for one in _references(value)]


def test_every_topic_event_and_service_is_in_it(document: dict[str, Any]) -> None:
    assert document["channels"].keys() == topics().keys()
    assert {message["name"] for message in document["components"]["messages"].values()} == {
        *(version.type for version in VERSIONS),
        asyncapi.DEAD_LETTER,
    }
    for topic in topics().values():
        binding = document["channels"][topic.name]["bindings"]["kafka"]
        assert binding["partitions"] == topic.partitions
        senders = {f"{service}.send.{topic.name}" for service in topic.producers}
        readers = {f"{service}.receive.{topic.name}" for service in topic.consumers}
        assert senders | readers <= document["operations"].keys()


def _valid(document: dict[str, Any], schema: dict[str, Any], data: Any) -> None:
    whole = {**schema, "components": document["components"]}
    checker = jsonschema.Draft7Validator.FORMAT_CHECKER
    jsonschema.Draft7Validator(whole, format_checker=checker).validate(data)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.type)
def test_payload_schemas_accept_the_examples(version: Version, document: dict[str, Any]) -> None:
    message = document["components"]["messages"][version.type.removeprefix("sellstream.")]
    for example in examples(version, FOLDER):
        if example.passes:
            _valid(document, message["payload"], example.data)
        else:
            with pytest.raises(jsonschema.ValidationError):
                _valid(document, message["payload"], example.data)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.type)
def test_header_schemas_describe_the_headers_that_we_write(version: Version, document: dict[str, Any]) -> None:
    extensions: dict[str, str] = {}
    if version.model is WebhookReceivedV1:
        fact = WebhookReceivedV1(
            marketplace="m",
            account="a",
            delivery_id="d",
            notification_topic="t",
            resource=None,
            subject="m:1",
            body=b"{}",
        )
        extensions = fact.extensions()
    envelope = Envelope(
        id="1",
        source="/sellstream/test",
        type=version.type,
        time=datetime(2026, 1, 1, tzinfo=UTC),
        subject="m:1",
        dataschema=version.dataschema,
        causation_id="0",
        extensions=extensions,
    )
    schema = document["components"]["messages"][version.type.removeprefix("sellstream.")]["headers"]
    written = {name: value.decode() for name, value in envelope.headers()}
    _valid(document, schema, written)
    assert written.keys() <= schema["properties"].keys()


class _Failed:
    topic, partition, offset, key, value, timestamp = "orders", 2, 41, b"k", b"{}", 1_700_000_000_000
    headers = (("ce_id", b"1"),)


def test_dead_letter_headers_are_those_that_we_write(document: dict[str, Any]) -> None:
    error = ValueError("no")
    error.__cause__ = KeyError("amount")
    headers = annotated(_Failed(), "orders", "projector", error, ErrorClass.POISON, 3, "projector-orders")
    schema = document["components"]["messages"][asyncapi.DEAD_LETTER]["headers"]
    binary = {name for name, part in schema["properties"].items() if part.get("x-encoding") == "binary"}
    written = {name: value.decode() for name, value in headers if name not in binary}
    assert {name: len(value) for name, value in headers if name in binary} == {
        name: schema["properties"][name]["x-bytes"] for name in binary
    }
    _valid(document, schema, written | dict.fromkeys(binary, ""))
    assert written.keys() | binary == schema["properties"].keys() | {"ce_id"}
