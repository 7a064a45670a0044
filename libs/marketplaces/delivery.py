"""A delivery as it arrived, and what it turns out to be: made for each request, so in plain fields.

Neither is frozen, has slots, or leaves its `__init__` to `dataclass`. Compiled (`libs/compiled.py`), fields have slots
of their own, and an `__init__` that is made at run time would be interpreted, at three times the price.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(init=False)
class Delivery:
    """A webhook request as it arrived. Header names are lower case; a header sent twice makes the request bad (400).

    `received` is in seconds since 1970.
    """

    body: bytes
    headers: Mapping[str, str]
    query: Mapping[str, str]
    account: str | None
    secret: str | None
    received: float

    def __init__(
        self,
        body: bytes,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        account: str | None,
        secret: str | None,
        received: float,
    ) -> None:
        self.body = body
        self.headers = headers
        self.query = query
        self.account = account
        self.secret = secret
        self.received = received

    @property
    def received_at(self) -> datetime:
        """When it arrived, as a time of UTC: made only for who asks."""
        return datetime.fromtimestamp(self.received, UTC)


@dataclass(init=False)
class Notification:
    """A delivery that was proved to come from the marketplace.

    `delivery_id` is the marketplace's own identity of the delivery, stable over its retries. `subject` names the entity
    that it is about within the marketplace and account: with both of them before it, it is the Kafka key (`topic.yaml`
    of `webhooks`), so that all deliveries about one entity stay in order. All are printable; `delivery_id`, `topic` and
    `resource` have at most 256 characters, `subject` has at most 400.
    """

    account: str
    delivery_id: str
    topic: str
    subject: str
    resource: str | None

    def __init__(self, account: str, delivery_id: str, topic: str, subject: str, resource: str | None = None) -> None:
        self.account = account
        self.delivery_id = delivery_id
        self.topic = topic
        self.subject = subject
        self.resource = resource
