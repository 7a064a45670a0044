"""What a notification points to: `topic` and `resource` as MercadoLibre sends them, made safe to ask for.

A notification is unsigned: its resource is a stranger's text until it has passed through `pointed_at`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The resources that become facts."""

    ORDER = "order"
    SHIPMENT = "shipment"
    QUESTION = "question"
    PAYMENT = "payment"
    ITEM = "item"
    MESSAGE = "message"
    CLAIM = "claim"
    FEEDBACK = "feedback"
    INVOICE = "invoice"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of ours to ask for; `id` holds nothing but letters, digits, `_` and `-`."""

    kind: Kind
    id: str


class NotAResource(ValueError):
    """A notification's resource does not point to what its topic is about."""


_FOLDERS: dict[Kind, frozenset[str]] = {
    Kind.ORDER: frozenset({"orders"}),
    Kind.SHIPMENT: frozenset({"shipments"}),
    Kind.QUESTION: frozenset({"questions"}),
    Kind.PAYMENT: frozenset({"collections", "payments"}),  # the topic is `payments`, its resources are collections
    Kind.ITEM: frozenset({"items"}),
    Kind.MESSAGE: frozenset({"messages"}),
    Kind.CLAIM: frozenset({"claims"}),
    Kind.FEEDBACK: frozenset({"orders"}),  # /orders/{id}/feedback: the feedback of an order has the order's id
    Kind.INVOICE: frozenset({"invoices"}),
}
_BEFORE: dict[Kind, re.Pattern[str]] = {
    Kind.CLAIM: re.compile(r"/?(?:post-purchase/)?v[0-9]{1,2}/"),  # the first part is sent since 2024
    Kind.INVOICE: re.compile(r"/?users/[0-9]{1,20}/"),  # whoever is named: it is asked for as the account's own
}
_PATH = re.compile(r"/?(?:(?P<folder>[a-z_-]{1,40})/)?(?P<id>(?=[^/]*\d)[A-Za-z0-9_-]{1,64})(?:/[a-z_-]{0,40}){0,3}")


def topic_name(topic: str) -> str:
    """MercadoLibre writes one topic as `orders feedback`, `orders_feedback` or `Orders-Feedback`: one form of it."""
    return re.sub(r"[\s_-]+", "_", topic.strip().lower())


def pointed_at(kind: Kind, resource: str | int | None) -> Resource:
    """The resource of a notification about `kind`; raise NotAResource.

    Accepts what the official samples hold: `/orders/1`, `orders/1`, a bare `1` or the number 1, and a part of the
    resource behind it (`/items/MLM1/prices`).
    """
    text = str(resource if resource is not None else "").strip().partition("?")[0]
    if kind in _BEFORE:
        text = text.removeprefix((_BEFORE[kind].match(text) or [""])[0])
    match = _PATH.fullmatch(text)
    if match is None:
        raise NotAResource(f"{text[:80]!r} does not point to one {kind.value}")
    folder = match["folder"]
    if folder is not None and folder not in _FOLDERS[kind]:
        raise NotAResource(f"{text[:80]!r} does not point to one {kind.value}: the folder is {folder!r}")
    return Resource(kind, match["id"])
