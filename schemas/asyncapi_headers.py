"""The Kafka headers of events and of dead letters, as schemas for the AsyncAPI document.

A header's value is bytes; where nothing else is said it is text in UTF-8, which is what these schemas describe.
Sources: CloudEvents Kafka protocol binding 1.0.2; Kafka Connect's DeadLetterQueueReporter; Spring Kafka's KafkaHeaders;
`libs/bus/dead_letter.py` writes them.
"""

from typing import Any

from schemas.registry import Version
from schemas.webhooks.webhook_received import HTTP_HEADER_PREFIX

Part = dict[str, Any]


def _text(description: str, **more: object) -> Part:
    return {"type": "string", "description": description, **more}


def cloud_event_headers(version: Version, own: Part) -> Part:
    """Headers of one event version; `own` adds `properties`, `required` and `patternProperties` of this event."""
    schema: Part = {
        "type": "object",
        "required": [
            "content-type",
            "ce_specversion",
            "ce_id",
            "ce_source",
            "ce_type",
            "ce_time",
            "ce_subject",
            "ce_dataschema",
            *own.get("required", ()),
        ],
        "properties": {
            "content-type": _text("The data's media type", const="application/json"),
            "ce_specversion": _text("The version of CloudEvents", const="1.0"),
            "ce_id": _text("Unique for its source: a repeated event has the same id"),
            "ce_source": _text("The service that wrote it", format="uri-reference", examples=["/sellstream/projector"]),
            "ce_type": _text("Event and version", const=version.type),
            "ce_time": _text("When it happened: RFC 3339 in UTC with microseconds", format="date-time"),
            "ce_subject": _text("The identity of the entity: the record's key"),
            "ce_dataschema": _text("The `$id` of the data's JSON Schema", const=version.dataschema),
            "ce_correlationid": _text("The id of the event that began the chain"),
            "ce_causationid": _text("The id of the event that led to this one"),
            "traceparent": _text("W3C trace context"),
            "tracestate": _text("W3C trace context"),
            **own.get("properties", {}),
        },
    }
    if "patternProperties" in own:
        schema["patternProperties"] = own["patternProperties"]
    return schema


def webhook_headers() -> Part:
    """What `webhook.received` carries beside its opaque data: extension attributes, and the request's own headers."""
    return {
        "required": ["ce_marketplace", "ce_account", "ce_deliveryid", "ce_notificationtopic"],
        "properties": {
            "ce_marketplace": _text("Who sent it", examples=["mercadolibre"]),
            "ce_account": _text("The seller's account at the marketplace"),
            "ce_deliveryid": _text("The marketplace's own identity of the delivery"),
            "ce_notificationtopic": _text("The marketplace's name for the kind of notification"),
            "ce_resource": _text("What the notification points to; absent where the body carries all"),
            "ce_origin": _text("How it came in, if not by the webhook itself", examples=["missed_feeds"]),
        },
        "patternProperties": {
            f"^{HTTP_HEADER_PREFIX}": _text("A header of the HTTP request that verification needed, name in lower case")
        },
    }


def dead_letter_headers() -> Part:
    """Headers that are added to the record's own, which stay as they were."""
    connect, spring = "__connect.errors.", "kafka_dlt-"
    number = {"pattern": "^[0-9]+$"}
    properties = {
        f"{connect}topic": _text(
            "The topic that the record was read from, or the marketplace that told it in an answer"
        ),
        f"{connect}partition": _text("Its partition; -1 where it came from no topic", pattern="^(-1|[0-9]+)$"),
        f"{connect}offset": _text("Its offset", **number),
        f"{connect}connector.name": _text("The consumer that failed"),
        f"{connect}task.id": _text("Which task of the connector: a consumer is one", const="0"),
        f"{connect}stage": _text("Where it failed", examples=["handle"]),
        f"{connect}class.name": _text("The consumer that failed"),
        f"{connect}exception.class.name": _text("The error's class"),
        f"{connect}exception.message": _text("The error's text, cut to 4000 characters"),
        f"{connect}exception.stacktrace": _text("The last 4000 characters of the stack trace"),
        f"{spring}exception-fqcn": _text("The error's class"),
        f"{spring}exception-cause-fqcn": _text("The class of the error that led to it"),
        f"{spring}exception-message": _text("The error's text, cut to 4000 characters"),
        f"{spring}exception-stacktrace": _text("The last 4000 characters of the stack trace"),
        f"{spring}original-topic": _text("The topic that the record was read from"),
        f"{spring}original-partition": _text("Its partition: 4 bytes, big-endian", **_binary(4)),
        f"{spring}original-offset": _text("Its offset: 8 bytes, big-endian", **_binary(8)),
        f"{spring}original-timestamp": _text("Its timestamp in ms since 1970: 8 bytes, big-endian", **_binary(8)),
        f"{spring}original-timestamp-type": _text("Whose time that is", const="CreateTime"),
        f"{spring}original-consumer-group": _text("The consumer group that read it"),
        "x-error-class": _text("The kind of failure, for grouping"),
        "x-attempts": _text("How often the consumer tried", **number),
        "x-replay-count": _text("How often the record was retried from the dead letters", **number),
        "x-failed-consumer": _text("The consumer that failed: a retry is for it alone"),
        "x-first-failed-at": _text("When it failed first: RFC 3339 in UTC", format="date-time"),
    }
    # What older dead letters do not have, or not every failure.
    added = {name for name in properties if name.startswith(f"{spring}exception-")}
    added |= {f"{spring}original-timestamp-type", f"{spring}original-consumer-group", f"{connect}task.id"}
    optional = added | {f"{spring}original-timestamp", f"{connect}exception.stacktrace"}
    return {
        "type": "object",
        "required": [name for name in properties if name not in optional],
        "properties": properties,
        "additionalProperties": True,
    }


def _binary(size: int) -> Part:
    return {"x-encoding": "binary", "x-bytes": size}
