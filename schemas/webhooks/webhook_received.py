"""webhook.received: a marketplace delivered a webhook, it was verified, and this is what it said, byte for byte."""

from inspect import cleandoc
from typing import Any, Self

from pydantic import JsonValue, TypeAdapter

from schemas.envelope import Envelope
from schemas.event import EventFamily, Fact

_ANY_OBJECT: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])

HTTP_HEADER_PREFIX = "http_"


class WebhookReceivedV1(Fact):
    """The data is the request's body exactly as received; who sent it stands in CloudEvents extension attributes.

    Trigger: the gateway verified a delivery. Key: the entity that the delivery is about, as far as the marketplace
    tells. Extensions: `marketplace`, `account` (the seller's account there), `deliveryid` (the marketplace's own
    identity of the delivery), `notificationtopic` (the marketplace's name for the kind of notification) and `resource`
    (what it points to; absent where the body carries all). The HTTP headers that verification needed are kept as
    Kafka headers `http_<name>`. What was missed and taken in later from the marketplace's own list has `origin`.
    """

    marketplace: str
    account: str
    delivery_id: str
    notification_topic: str
    resource: str | None
    subject: str
    body: bytes

    def key(self) -> str:
        return self.subject

    def encode(self) -> bytes:
        return self.body

    def extensions(self) -> dict[str, str]:
        """The CloudEvents extension attributes of this delivery."""
        values = {
            "marketplace": self.marketplace,
            "account": self.account,
            "deliveryid": self.delivery_id,
            "notificationtopic": self.notification_topic,
            "resource": self.resource,
        }
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def decode(cls, envelope: Envelope, value: bytes) -> Self:
        _ANY_OBJECT.validate_json(value)
        told = envelope.extensions
        return cls.model_validate(
            {
                "marketplace": told.get("marketplace"),
                "account": told.get("account"),
                "delivery_id": told.get("deliveryid"),
                "notification_topic": told.get("notificationtopic"),
                "resource": told.get("resource"),
                "subject": envelope.subject,
                "body": value,
            }
        )

    @classmethod
    def data_schema(cls) -> dict[str, Any]:
        return {
            "title": cls.__name__,
            "description": cleandoc(cls.__doc__ or ""),
            "type": "object",
            "additionalProperties": True,
            "x-personal-data": True,
        }


EVENT = EventFamily("webhook.received", topic="webhooks", versions={1: WebhookReceivedV1})
