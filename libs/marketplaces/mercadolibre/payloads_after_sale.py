"""MercadoLibre's answers about what comes after a sale: messages, claims, feedback, invoices. As in payloads.py."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from libs.marketplaces.mercadolibre.payloads import Owned, Reference
from libs.marketplaces.payload import KEPT, Amount, EmptyIfNone, Id, Moment, OptionalId, Payload, Word
from schemas.values import Json


class MessageParty(Payload):
    """`from`, `to`: since 2026 the buyer's side may be one of MercadoLibre's agents."""

    user_id: OptionalId = None


class MessageDates(Payload):
    """`message_date`."""

    created: Moment
    received: Annotated[Moment | None, KEPT] = None
    available: Annotated[Moment | None, KEPT] = None
    notified: Annotated[Moment | None, KEPT] = None
    read_at: Annotated[Moment | None, Field(alias="read")] = None


class MessageModeration(Payload):
    """`message_moderation`."""

    status: Annotated[str | None, KEPT] = None
    moderation_date: Annotated[Moment | None, KEPT] = None


class MessageResource(Payload):
    """`message_resources[]`: what the message belongs to (`packs`, `sellers`, …)."""

    id: OptionalId = None
    name: str | None = None


class Message(Owned):
    """GET /messages/{id}?tag=post_sale. It comes in the envelope of a conversation; `unwrapped` takes it out."""

    id: Id
    from_: Annotated[MessageParty | None, Field(alias="from")] = None
    to: MessageParty | None = None
    status: Word
    subject: str | None = None
    text: str | None = None
    message_date: MessageDates
    message_moderation: MessageModeration | None = None
    message_attachments: Annotated[list[Json], EmptyIfNone, KEPT] = Field(default_factory=list)
    message_resources: Annotated[list[MessageResource], EmptyIfNone, KEPT] = Field(default_factory=list)

    @property
    def owner(self) -> str | None:
        return self.belongs_to("sellers")

    def belongs_to(self, name: str) -> str | None:
        """The id of the resource with this name, for example of the pack."""
        return next((one.id for one in self.message_resources if one.name == name), None)

    @classmethod
    def unwrapped(cls, body: Any) -> Any:
        """The one message of a conversation's envelope; what stands beside it is kept with it."""
        inner = body.get("messages") if isinstance(body, Mapping) else None
        if not isinstance(inner, list) or len(inner) != 1 or not isinstance(inner[0], Mapping):
            return body
        beside = {name: value for name, value in body.items() if name != "messages" and name not in inner[0]}
        return {**inner[0], **beside}


class ClaimAction(Payload):
    """`players[].available_actions[]`."""

    action: str | None = None
    mandatory: bool | None = None
    due_date: Moment | None = None


def _named(actions: object) -> object:
    """Older answers name an action by its word alone."""
    if not isinstance(actions, list):
        return [] if actions is None else actions
    return [{"action": one} if isinstance(one, str) else one for one in actions]


class ClaimPlayer(Payload):
    """`players[]`: complainant, respondent, mediator."""

    role: str | None = None
    type: str | None = None
    user_id: OptionalId = None
    available_actions: Annotated[list[ClaimAction], BeforeValidator(_named)] = Field(default_factory=list)


class ClaimResolution(Payload):
    """`resolution`."""

    reason: str | None = None
    date_created: Moment | None = None
    benefited: Annotated[list[str], EmptyIfNone] = Field(default_factory=list)
    closed_by: str | None = None


class Claim(Owned):
    """GET /post-purchase/v1/claims/{id}."""

    id: Id
    status: Word
    type: str | None = None
    stage: str | None = None
    resource: str | None = None
    resource_id: OptionalId = None
    reason_id: str | None = None
    players: Annotated[list[ClaimPlayer], EmptyIfNone, KEPT] = Field(default_factory=list)
    resolution: ClaimResolution | None = None
    date_created: Moment
    last_updated: Moment | None = None

    @property
    def owner(self) -> str | None:
        return self.player("seller").user_id

    def player(self, kind: str) -> ClaimPlayer:
        """The player of this type; an empty one where there is none."""
        return next((one for one in self.players if one.type == kind), ClaimPlayer())


class FeedbackSide(Payload):
    """`sale` (what the seller said), `purchase` (what the buyer said)."""

    id: OptionalId = None
    rating: Annotated[str | None, KEPT] = None
    fulfilled: bool | None = None
    reason: str | None = None
    message: str | None = None
    date_created: Moment | None = None


class OrderFeedback(Owned):
    """GET /orders/{id}/feedback, with the order's id put in. It names no owner; others' are refused by MercadoLibre."""

    id: Id
    sale: FeedbackSide | None = None
    purchase: FeedbackSide | None = None

    @property
    def owner(self) -> str | None:
        return None


class InvoiceIssuer(Payload):
    """`issuer`."""

    user_id: Annotated[OptionalId, KEPT] = None


class InvoiceItem(Payload):
    """`items[]`."""

    external_order_id: OptionalId = None


class InvoiceKind(Payload):
    """`fiscal_data`."""

    transaction_type: str | None = None


class InvoiceAttributes(Payload):
    """`attributes`: what the tax office told."""

    invoice_key: OptionalId = None
    invoice_creation_date: Annotated[Moment | None, KEPT] = None
    receipt_date: Annotated[Moment | None, KEPT] = None
    authorization_date: Annotated[Moment | None, KEPT] = None
    cancellation_date: Annotated[Moment | None, KEPT] = None
    xml_location: str | None = None


class Invoice(Owned):
    """GET /users/{user}/invoices/{id}: fiscal invoices of Brazil, in reais."""

    id: Id
    status: Word
    issuer: InvoiceIssuer | None = None
    issued_date: Moment | None = None
    invoice_series: OptionalId = None
    invoice_number: OptionalId = None
    amount: Amount | None = None
    shipment: Reference | None = None
    items: Annotated[list[InvoiceItem], EmptyIfNone] = Field(default_factory=list)
    attributes: InvoiceAttributes | None = None
    fiscal_data: InvoiceKind | None = None

    @property
    def owner(self) -> str | None:
        return self.issuer.user_id if self.issuer else None
