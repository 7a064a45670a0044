"""How each resource is asked for, and what its answer is read as."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from libs.marketplaces.mercadolibre.payloads import Collection, Item, Order, Owned, Question, Shipment
from libs.marketplaces.mercadolibre.payloads_after_sale import Claim, Invoice, Message, OrderFeedback
from libs.marketplaces.mercadolibre.resources import Kind, Resource

Unwrap = Callable[[Any, Resource], Any]
"""The resource in an answer's JSON; None where the answer says that there is none."""


def _as_it_is(body: Any, _resource: Resource) -> Any:
    return body


def _feedback(body: Any, resource: Resource) -> Any:
    """Feedback that nobody gave yet is no feedback; what there is gets the id of its order."""
    if isinstance(body, Mapping) and not any(body.get(side) for side in ("sale", "purchase")):
        return None
    return {**body, "id": resource.id} if isinstance(body, Mapping) else body


@dataclass(frozen=True)
class Route:
    """`operation` is the path; `{id}` is the resource's, `{user}` the account's user."""

    operation: str
    model: type[Owned]
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    unwrap: Unwrap = _as_it_is

    def path(self, resource: Resource, user_id: str) -> str:
        """Where to ask; both ids are safe in a path."""
        return self.operation.format(id=resource.id, user=user_id)


ROUTES: Mapping[Kind, Route] = {
    Kind.ORDER: Route("/orders/{id}", Order),
    Kind.SHIPMENT: Route("/shipments/{id}", Shipment, headers={"x-format-new": "true"}),
    Kind.QUESTION: Route("/questions/{id}", Question, query={"api_version": "4"}),
    # /payments/{id} is not documented on this host
    Kind.PAYMENT: Route("/collections/{id}", Collection, unwrap=lambda body, _: Collection.unwrapped(body)),
    Kind.ITEM: Route("/items/{id}", Item),
    Kind.MESSAGE: Route(
        "/messages/{id}", Message, query={"tag": "post_sale"}, unwrap=lambda body, _: Message.unwrapped(body)
    ),
    Kind.CLAIM: Route("/post-purchase/v1/claims/{id}", Claim),
    Kind.FEEDBACK: Route("/orders/{id}/feedback", OrderFeedback, unwrap=_feedback),
    Kind.INVOICE: Route("/users/{user}/invoices/{id}", Invoice),
}
