"""Buyers' words → messageTickets: one for each question, one for each conversation after a sale.

A ticket holds what the customer wrote, message by message, with a blank line between; a message that it has is not
added again, so that one that comes twice changes nothing. A message is known by its id (heard.py): the same words
written again are another message. In a replay of what was never noted, it is known by its words. A ticket's states,
as the document names them:

| what happens                                | ticket                                                        |
|---------------------------------------------|---------------------------------------------------------------|
| a customer writes for the first time        | opened: `pending`, with a suggested reply                     |
| … before we have answered                   | the text is added, another reply suggested; the state stays   |
| … after we have answered                    | `responded` ("Customer responded")                            |
| … after it was resolved                     | `pending` again                                               |
| … after it was closed                       | a new ticket, whose thread has the message's id added         |
| we answer at the marketplace                | `finalReply`; a question is `resolved`, `responded` → pending |
| a question is closed, deleted or blocked    | `closed`                                                      |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from libs.bus.replay import is_replay
from libs.commands.command import Command
from libs.db.pool import Connection
from libs.entities.change import CREATE, UPDATE, Change
from libs.entities.finding import rows
from libs.privacy.opener import opened
from libs.read_models.orders.project import READ_MODEL as MARKETPLACES_ORDERS
from libs.read_models.reads import where
from libs.suggesting import Asked
from schemas.entities import BY_COLLECTION
from schemas.envelope import Envelope
from schemas.message_tickets.message_ticket_changed import TicketStatus as Status
from schemas.messages.message_changed import Direction, MessageChangedV1
from schemas.questions.question_changed import QuestionChangedV1, QuestionStatus
from services.order_desk.desk import Desk, standing
from services.order_desk.heard import BETWEEN, Heard, Message, added, heard, times
from services.order_desk.orders import LISTINGS, of_channel
from services.order_desk.parcels import SHIPMENTS

TICKETS = BY_COLLECTION["messageTickets"]

_MOST_CHARACTERS = 10_000
_OVER = {QuestionStatus.CLOSED, QuestionStatus.DELETED, QuestionStatus.BLOCKED}


@dataclass(frozen=True)
class _About:
    """What a conversation is about: an order's row, if it is known, and the country of the sale."""

    order: Any
    market: str


async def on_question(fact: QuestionChangedV1, desk: Desk, cause: Envelope) -> int | None:
    """The ticket's number, if it was opened or changed."""
    listing = await _listing(desk, fact.marketplace, fact.listing_id)
    about = _About(None, listing.market if listing is not None else _market(desk, fact.marketplace))
    plain = await opened(fact, desk.keys)
    thread = f"question/{fact.question_id}"
    number: int | None = None
    if fact.status is QuestionStatus.OPEN:
        number = await _written(fact.marketplace, thread, fact.question_id, plain.text, about, desk, cause)
    elif fact.answer_text is not None:
        answer = plain.answer_text or ""
        number = await _answered(fact.marketplace, thread, answer, Status.RESOLVED, desk, cause)
    elif fact.status in _OVER:
        number = await _moved(fact.marketplace, thread, Status.CLOSED, desk, cause)
    return number


async def on_message(fact: MessageChangedV1, desk: Desk, cause: Envelope) -> int | None:
    """The ticket's number, if it was opened or changed."""
    if fact.direction is Direction.UNKNOWN or not fact.text:
        return None
    thread = fact.thread_id or f"message/{fact.message_id}"
    plain = await opened(fact, desk.keys)
    if fact.direction is Direction.OUTGOING:
        return await _answered(fact.marketplace, thread, plain.text, None, desk, cause)
    about = await _about(desk, fact.marketplace, fact.thread_id)
    return await _written(fact.marketplace, thread, fact.message_id, plain.text, about, desk, cause)


async def _written(
    channel: str, thread: str, message_id: str, text: str, about: _About, desk: Desk, cause: Envelope
) -> int | None:
    """A customer has written."""
    text = text.replace("\0", "").strip()[:_MOST_CHARACTERS]
    if not text:
        return None
    reply = await desk.suggester.reply(await _asked(text, about, desk))

    message = Message(channel, thread, message_id)
    noted = await _heard(message, text, desk, cause)

    async def plan(command: Command) -> Change | None:
        change = await _change(command)
        if change is not None:
            command.then(lambda connection: added(connection, message))
        return change

    async def _change(command: Command) -> Change | None:
        row = await _ticket(command.connection, channel, thread)
        if row is not None and row.status == Status.CLOSED:
            known = await opened(row.customer_message, desk.keys)
            if noted.is_held(known, text):
                return None
            return await _opening(command, f"{thread}#{message_id}")
        return await _opening(command, thread) if row is None else await _added(row)

    async def _opening(command: Command, name: str) -> Change | None:
        if await rows(command.connection, TICKETS, gone=True, channel=channel, thread_id=name):
            return None
        return Change(CREATE, None, _fields(channel, name, text, reply, about))

    async def _added(row: Any) -> Change | None:
        known = await opened(row.customer_message, desk.keys)
        if noted.is_held(known, text):
            return None
        whole = f"{known}{BETWEEN}{text}"[-_MOST_CHARACTERS:]
        status = Status.RESPONDED if row.status == Status.PENDING and row.final_reply else row.status
        status = Status.PENDING if row.status == Status.RESOLVED else status
        return Change(
            UPDATE, int(row.key), {"customer_message": whole, "suggested_reply": reply, "status": Status(status)}
        )

    return await desk.change(TICKETS, plan, cause=cause)


async def _answered(
    channel: str, thread: str, text: str, state: Status | None, desk: Desk, cause: Envelope
) -> int | None:
    """We have answered, at the marketplace."""
    text = text.replace("\0", "").strip()[:_MOST_CHARACTERS]

    async def plan(command: Command) -> Change | None:
        row = await _ticket(command.connection, channel, thread)
        if row is None or row.status == Status.CLOSED:
            return None
        if row.final_reply is not None and await opened(row.final_reply, desk.keys) == text:
            return None
        status = state or (Status.PENDING if row.status == Status.RESPONDED else row.status)
        return Change(UPDATE, int(row.key), {"final_reply": text, "status": Status(status)})

    return await desk.change(TICKETS, plan, cause=cause)


async def _moved(channel: str, thread: str, state: Status, desk: Desk, cause: Envelope) -> int | None:
    async def plan(command: Command) -> Change | None:
        row = await _ticket(command.connection, channel, thread)
        if row is None or row.status == state:
            return None
        return Change(UPDATE, int(row.key), {"status": state})

    return await desk.change(TICKETS, plan, cause=cause)


async def _ticket(connection: Connection, channel: str, thread: str) -> Any:
    return standing(await rows(connection, TICKETS, channel=channel, thread_id=thread))


async def _heard(message: Message, text: str, desk: Desk, cause: Envelope) -> Heard:
    """What is noted of a message, before anything is done about it."""
    before = 0
    if not is_replay(cause):
        async with desk.database.connection() as connection:
            row = await _ticket(connection, message.marketplace, message.thread_id)
        before = 0 if row is None else times(await opened(row.customer_message, desk.keys), text)
    return await heard(desk.database, message, before)


async def _about(desk: Desk, channel: str, thread: str | None) -> _About:
    """The order of a conversation: the thread is the order's own number, or that of its pack."""
    found: list[Any] = []
    if thread is not None:
        async with desk.database.connection() as connection:
            found = await of_channel(connection, channel, [thread])
            if not found:
                packed = await where(connection, MARKETPLACES_ORDERS, {"marketplace": channel, "pack_id": thread})
                found = await of_channel(connection, channel, [one.order_id for one in packed])
    return _About(found[0], found[0].market) if found else _About(None, _market(desk, channel))


async def _listing(desk: Desk, channel: str, item_id: str) -> Any:
    async with desk.database.connection() as connection:
        return standing(await rows(connection, LISTINGS, channel=channel, channel_item_id=item_id))


async def _asked(text: str, about: _About, desk: Desk) -> Asked:
    if about.order is None:
        return Asked(text, about.market)
    async with desk.database.connection() as connection:
        parcels = await rows(connection, SHIPMENTS, marketplace_order_id=int(about.order.key))
    tracking = parcels[-1].tracking_number if parcels else None
    return Asked(text, about.market, about.order.status, tracking, parcels[-1].carrier if parcels else None)


def _fields(channel: str, thread: str, text: str, reply: str | None, about: _About) -> Mapping[str, Any]:
    return {
        "channel": channel,
        "market": about.market,
        "thread_id": thread,
        "marketplace_order_id": None if about.order is None else int(about.order.key),
        "customer_message": text,
        "suggested_reply": reply,
        "final_reply": None,
        "status": Status.PENDING,
    }


def _market(desk: Desk, channel: str) -> str:
    return desk.markets.get(channel, "US")
