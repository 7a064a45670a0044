"""message_ticket.changed: a customer's message, and what we answer."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.channels import Channel
from schemas.entity import Entity, EntityFact, Reference, Workflow
from schemas.values import PERSONAL


class TicketStatus(StrEnum):
    """How far a ticket is."""

    PENDING = "pending"
    RESPONDED = "responded"
    RESOLVED = "resolved"
    ESCALATED = "escalated"
    CLOSED = "closed"


_ALONE = ("question/", "message/")


class MessageTicketChangedV1(EntityFact):
    """A ticket was opened, answered, changed or deleted; this is all of it.

    Trigger: POST /messageTickets, or a buyer's question or message. Key: `{message_ticket_id}`. A deleted one has no
    texts any more.
    """

    message_ticket_id: int
    channel: Channel = Field(description="Marketplace")
    market: str = Field(description="Country code")
    thread_id: str = Field(description="Marketplace thread/conversation ID")
    marketplace_order_id: int | None = Field(description="Linked order ID; null: a question before any order")
    customer_message: Annotated[str, PERSONAL] = Field(description="Original customer message")
    suggested_reply: Annotated[str | None, PERSONAL] = Field(default=None, description="AI-generated reply suggestion")
    final_reply: Annotated[str | None, PERSONAL] = Field(default=None, description="Final sent reply")
    status: TicketStatus = Field(description="Ticket status")

    def key(self) -> str:
        return str(self.message_ticket_id)

    def person(self) -> str:
        """The order's buyer's, or that of whoever is in the conversation."""
        return f"catalog:message_ticket/{self.message_ticket_id}"

    def ties(self) -> list[tuple[str, str]]:
        # What order_desk calls a conversation: a question or a message by itself is told as such, and behind a `#`
        # stands what tells a later ticket of the same conversation from the first.
        names = dict.fromkeys((self.thread_id, self.thread_id.partition("#")[0]))
        deals = [f"{self.channel}:{name if name.startswith(_ALONE) else f'thread/{name}'}" for name in names]
        if self.marketplace_order_id is not None:
            deals.append(f"catalog:marketplace_order/{self.marketplace_order_id}")
        return [(self.person(), deal) for deal in deals]


ENTITY = Entity(
    "messageTickets",
    noun="message_ticket",
    topic="message_tickets",
    fact=MessageTicketChangedV1,
    producers=("catalog", "order_desk"),
    summary="Customers' messages and our replies",
    unique=(("channel", "thread_id"),),
    references=(Reference("marketplace_order_id", "marketplaceOrders"),),
    workflow=Workflow(
        "status",
        starts=("pending",),
        steps={
            "pending": ("responded", "resolved", "escalated", "closed"),
            "responded": ("pending", "resolved", "escalated", "closed"),
            "escalated": ("responded", "resolved", "closed"),
            "resolved": ("pending", "closed"),
            "closed": (),
        },
    ),
    example={
        "channel": "amazon",
        "market": "US",
        "threadId": "THREAD-001",
        "marketplaceOrderId": 1,
        "customerMessage": "Hi, when will my order ship?",
        "suggestedReply": "Hello! Your order is being processed and will ship soon. "
        "We will share the tracking once available.",
        "finalReply": None,
        "status": "pending",
        "action": "1",
    },
)
EVENT = ENTITY.event
