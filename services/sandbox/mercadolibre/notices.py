"""MercadoLibre's notifications. They are unsigned, and the official samples disagree about their form: so do these."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.sandbox.mercadolibre.state import Change
from services.sandbox.notice import JSON, Attempt, Notice, Request
from services.sandbox.seeded import chance, stream, uuid
from services.sandbox.times import zulu, zulu_nanoseconds
from services.sandbox.wire import compact

TOPICS: Mapping[str, tuple[str, str]] = {
    "order": ("orders_v2", "/orders/{id}"),
    "payment": ("payments", "/collections/{id}"),
    "shipment": ("shipments", "/shipments/{id}"),
    "question": ("questions", "/questions/{id}"),
    "item": ("items", "/items/{id}"),
    "price": ("items_prices", "/items/{id}/prices"),
    "message": ("messages", "{id}"),
    "claim": ("post_purchase", "post-purchase/v1/claims/{id}"),  # the documented sample has no leading slash
    "feedback": ("orders feedback", "/orders/{id}/feedback"),
    "invoice": ("invoices", "/users/{seller}/invoices/{id}"),
}

_WITH_SUBTOPICS = frozenset({"messages", "post_purchase"})
"""Topics of the model with sub-topics: it says `id` instead of `_id`, and `actions` names the sub-topic."""

QUIRKS = (
    "no_slash",
    "id_without_underscore",
    "no_id",
    "user_id_as_text",
    "recieved",
    "nanoseconds",
    "sent_late",
    "hex_id",
)
"""How notifications of the official samples deviate from the usual form."""


@dataclass(frozen=True, slots=True)
class MercadoLibreNotice(Notice):
    """One notification; its retries differ in `attempts` alone.

    `delivery_id` is what missed_feeds names it by; `id` is the same, or None where the notification itself omits it.
    """

    topic: str
    resource: str
    user_id: int
    application_id: int
    received: datetime
    sent: datetime
    delivery_id: str
    id: str | None
    actions: tuple[str, ...] = ()
    quirk: str | None = None
    poison: str | None = None

    def request(self, attempt: Attempt) -> Request:
        return Request(compact(self.body(attempt.number)), JSON)

    def body(self, attempts: int) -> dict[str, Any]:
        """The JSON of an attempt."""
        quirk = self.quirk
        name = "id" if quirk == "id_without_underscore" or self.topic in _WITH_SUBTOPICS else "_id"
        received = "recieved" if quirk == "recieved" else "received"
        nanoseconds = quirk == "nanoseconds"
        return {
            **({} if quirk == "no_id" else {name: self.delivery_id}),
            "topic": "items" if self.topic == "items_prices" and quirk else self.topic,
            "resource": self.resource.removeprefix("/") if quirk == "no_slash" else self.resource,
            "user_id": str(self.user_id) if quirk == "user_id_as_text" else self.user_id,
            "application_id": self.application_id,
            "sent": zulu_nanoseconds(self.sent, 517) if nanoseconds else zulu(self.sent),
            "attempts": attempts,
            received: zulu_nanoseconds(self.received, 931) if nanoseconds else zulu(self.received),
            **({"actions": list(self.actions)} if self.actions else {}),
        }


class Notices:
    """Turns changes into notifications, drawing from a stream of its own."""

    def __init__(self, seed: int, application_id: int, quirks: float) -> None:
        self._source = stream(seed, "mercadolibre notices")
        self._application_id = application_id
        self._quirks = quirks

    def of(self, changes: Iterable[Change]) -> list[MercadoLibreNotice]:
        """One notice for each change; those of one moment are told apart by milliseconds."""
        return [self._of(change, place) for place, change in enumerate(changes)]

    def made(self, topic: str, resource: str, user_id: int, at: datetime, **extra: Any) -> MercadoLibreNotice:
        """A notice about anything."""
        source = self._source
        quirk = source.choice(QUIRKS) if chance(source, self._quirks) else None
        received = at + timedelta(milliseconds=source.randint(100, 400))
        wait = timedelta(minutes=source.randint(2, 300)) if quirk == "sent_late" else timedelta()
        drawn = uuid(source)
        delivery_id = drawn.replace("-", "")[:24] if quirk == "hex_id" else drawn
        fields: dict[str, Any] = {
            "topic": topic,
            "resource": resource,
            "user_id": user_id,
            "application_id": self._application_id,
            "received": received,
            "sent": received + wait + timedelta(milliseconds=source.randint(1, 99)),
            "delivery_id": delivery_id,
            "id": None if quirk == "no_id" else delivery_id,
            "quirk": quirk,
        }
        return MercadoLibreNotice(**{**fields, **extra})

    def _of(self, change: Change, place: int) -> MercadoLibreNotice:
        topic, form = TOPICS[change.kind]
        actions = change.actions
        if change.kind == "order":
            common = ("pack_order:false", f"site_id:{change.seller.site.id.lower()}", "channel:marketplace")
            actions = (*common, *actions) if chance(self._source, 0.6) else ()
        elif topic not in _WITH_SUBTOPICS:
            actions = ()
        at = change.at + timedelta(milliseconds=500 * place)
        resource = form.format(id=change.id, seller=change.seller.id)
        return self.made(topic, resource, change.seller.id, at, actions=actions)
