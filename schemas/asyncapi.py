"""One AsyncAPI 3 document of all topics and events, generated from `topic.yaml` and the models.

It is written for teams that read or write the topics in any language. Source: AsyncAPI 3.0.0; Kafka bindings 0.5.0.
Payload schemas are the events' own, with their `$defs` moved to `components/schemas` and without `$id`, because many
tools resolve references only against the document; `x-dataschema` keeps the identifier.
"""

from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version as installed_version
from typing import Any

from schemas.asyncapi_headers import cloud_event_headers, dead_letter_headers, webhook_headers
from schemas.documents import generate, versions
from schemas.event import EventFamily
from schemas.examples import examples
from schemas.registry import Version
from schemas.topics import FOLDER, Topic

ASYNCAPI = "3.0.0"
FILE = "asyncapi.json"
BINDING = {"bindingVersion": "0.5.0"}
DEAD_LETTER = "dead-letter"
_WEBHOOK = "webhook.received"

Part = dict[str, Any]


def document(events: Iterable[EventFamily], topics: Mapping[str, Topic]) -> Part:
    """The AsyncAPI document, ready to be written as JSON."""
    events = tuple(events)
    all_versions = versions(events)
    return {
        "asyncapi": ASYNCAPI,
        "id": "urn:sellstream",
        "info": _info(),
        "defaultContentType": "application/json",
        "servers": {"kafka": _server()},
        "channels": {topic.name: _channel(topic, events) for topic in topics.values()},
        "operations": dict(_operations(topics.values(), events)),
        "components": {
            "messages": {_name(one): _message(one, topics[one.family.topic]) for one in all_versions}
            | {DEAD_LETTER: _dead_letter()},
            "schemas": dict(_schemas(all_versions)),
        },
    }


def _info() -> Part:
    return {
        "title": "sellstream",
        "version": installed_version("sellstream"),
        "description": (
            "Facts of marketplaces in Kafka. Each message is a CloudEvents 1.0 event in Kafka binary content mode: the "
            "value is the data alone, the attributes are headers. The key is the identity of the entity, so all facts "
            "of one entity are in one partition, in order. A version of an event only ever changes compatibly; older "
            "versions stay in the topics. An installation may put a prefix before each topic and consumer group "
            "(`KAFKA_TOPIC_PREFIX`)."
        ),
        "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    }


def _server() -> Part:
    return {
        "host": "{bootstrapServers}",
        "protocol": "kafka",
        "description": "The brokers named by KAFKA_BOOTSTRAP_SERVERS.",
        "variables": {"bootstrapServers": {"default": "localhost:9092", "description": "host:port, comma separated"}},
    }


def _channel(topic: Topic, events: Iterable[EventFamily]) -> Part:
    config = topic.config()
    names = [_name(one) for one in versions(events) if one.family.topic == topic.name] or [DEAD_LETTER]
    return {
        "address": topic.name,
        "title": topic.name,
        "description": topic.description,
        "messages": {name: _reference("components", "messages", name) for name in names},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {
                    **config,
                    "cleanup.policy": config["cleanup.policy"].split(","),
                    **{name: int(config[name]) for name in ("retention.ms", "max.message.bytes") if name in config},
                },
                **BINDING,
            }
        },
    }


def _operations(topics: Iterable[Topic], events: tuple[EventFamily, ...]) -> Iterator[tuple[str, Part]]:
    """Services send the latest version of each event and read every version."""
    for topic in topics:
        families = [family for family in events if family.topic == topic.name]
        latest = [_name(Version(family, family.latest)) for family in families] or [DEAD_LETTER]
        every = [_name(one) for one in versions(families)] or [DEAD_LETTER]
        for service in topic.producers:
            yield f"{service}.send.{topic.name}", _operation("send", service, topic, latest)
        for service in topic.consumers:
            group = {"type": "string", "const": service, "description": "after the installation's prefix"}
            bindings = {"bindings": {"kafka": {"groupId": group, **BINDING}}}
            yield f"{service}.receive.{topic.name}", _operation("receive", service, topic, every) | bindings


def _operation(action: str, service: str, topic: Topic, messages: list[str]) -> Part:
    return {
        "action": action,
        "title": f"{service} {action}s {topic.name}",
        "channel": _reference("channels", topic.name),
        "tags": [{"name": service}],
        "messages": [_reference("channels", topic.name, "messages", name) for name in messages],
    }


def _message(version: Version, topic: Topic) -> Part:
    own: Part = webhook_headers() if version.family.name == _WEBHOOK else {}
    superseded = version.number < version.family.latest
    note = f"Written until version {version.number + 1} came; still in the topic. " if superseded else ""
    return {
        "name": version.type,
        "title": f"{version.family.name} version {version.number}",
        "summary": note + str(generate(version)["description"]).split("\n\n")[0].replace("\n", " "),
        "contentType": "application/json",
        "headers": cloud_event_headers(version, own),
        "payload": _reference("components", "schemas", _name(version)),
        "correlationId": {
            "description": "The id of the event that began the chain",
            "location": "$message.header#/ce_correlationid",
        },
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}, **BINDING}},
        "examples": [{"name": one.case, "payload": one.data} for one in examples(version, FOLDER) if one.passes],
        **({"deprecated": True} if superseded else {}),
    }


def _dead_letter() -> Part:
    return {
        "name": DEAD_LETTER,
        "title": "A record that a consumer could not handle",
        "summary": "Key, value and headers as they were, and the reason in added headers.",
        "contentType": "application/octet-stream",
        "headers": dead_letter_headers(),
        "payload": {"description": "The original record's value, byte for byte; usually the JSON data of an event."},
        "bindings": {"kafka": {"key": {"description": "The original record's key"}, **BINDING}},
    }


def _schemas(all_versions: Iterable[Version]) -> Iterator[tuple[str, Part]]:
    for version in all_versions:
        schema = generate(version)
        del schema["$schema"]
        parts = schema.pop("$defs", {})
        schema["x-dataschema"] = schema.pop("$id")
        yield _name(version), _moved(schema, version)
        for name, part in parts.items():
            yield f"{_name(version)}.{name}", _moved(part, version)


def _moved(schema: Any, version: Version) -> Any:
    """A schema whose references to its `$defs` point to where these stand in the document."""
    if isinstance(schema, list):
        return [_moved(part, version) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {name: _moved(part, version) if name != "$ref" else _target(part, version) for name, part in schema.items()}


def _target(reference: str, version: Version) -> str:
    return f"#/components/schemas/{_name(version)}.{reference.removeprefix('#/$defs/')}"


def _name(version: Version) -> str:
    return f"{version.family.name}.v{version.number}"


def _reference(*steps: str) -> Part:
    return {"$ref": "#/" + "/".join(steps)}
