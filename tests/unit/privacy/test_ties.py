"""Whoever a fact is about, in whatever order the facts come, one erasure reaches everything."""

from collections.abc import Iterable

import pytest

from schemas.entities import BY_COLLECTION
from schemas.event import Fact
from tests.facts import buyers_message, claim, example_fact, order, payment, question, shipment


def reached(person: str, facts: Iterable[Fact]) -> set[str]:
    """All that belongs to a person by what these facts tell, as `privacy.ties` would have it."""
    ties = [tie for fact in facts for tie in fact.ties()]
    found = {person}
    while more := {subject for subject, whose in ties if whose in found} - found:
        found |= more
    return found


ORDER = order(1).model_copy(update={"pack_id": "77", "shipment_id": "5"})
BUYER = ORDER.person()
PARCEL = shipment(5).model_copy(update={"order_ids": [ORDER.order_id]})

PAYMENT = payment(2).model_copy(update={"payer_id": None, "order_id": None})
CLAIM = claim(3).model_copy(update={"buyer_id": None, "order_id": None, "about": None, "about_id": None})
QUESTION = question(4).model_copy(update={"buyer_id": None})
MESSAGE = buyers_message(6).model_copy(update={"thread_id": None, "sender_id": None, "recipient_id": None})
DEAL = example_fact(BY_COLLECTION["marketplaceOrders"], 8).model_copy(
    update={"channel": "mercadolibre", "channel_order_id": ORDER.order_id}
)
TICKET = example_fact(BY_COLLECTION["messageTickets"], 9).model_copy(
    update={"channel": "mercadolibre", "thread_id": "elsewhere", "marketplace_order_id": None}
)

CASES = {
    "a payment that names nobody": (PAYMENT, PAYMENT.model_copy(update={"order_id": ORDER.order_id})),
    "a payment whose payer is told later": (PAYMENT, PAYMENT.model_copy(update={"payer_id": ORDER.buyer.id})),
    "a claim that names nobody": (CLAIM, CLAIM.model_copy(update={"order_id": ORDER.order_id})),
    "a claim about a parcel": (CLAIM, PARCEL, CLAIM.model_copy(update={"about": "shipment", "about_id": "5"})),
    "a question without its asker": (QUESTION, QUESTION.model_copy(update={"buyer_id": ORDER.buyer.id})),
    "a message without a conversation": (MESSAGE, MESSAGE.model_copy(update={"thread_id": "77"})),
    "what staff entered about a sale": (DEAL,),
    "a ticket in the order's conversation": (TICKET.model_copy(update={"thread_id": "77"}),),
    "a later ticket of that conversation": (TICKET.model_copy(update={"thread_id": "77#123"}),),
    "a ticket about what staff entered": (DEAL, TICKET.model_copy(update={"marketplace_order_id": 8})),
    "a ticket about a question": (
        QUESTION.model_copy(update={"buyer_id": ORDER.buyer.id}),
        TICKET.model_copy(update={"thread_id": f"question/{QUESTION.question_id}"}),
    ),
}


@pytest.mark.parametrize("facts", CASES.values(), ids=CASES)
def test_an_erasure_reaches_it(facts: tuple[Fact, ...]) -> None:
    belonging = reached(BUYER, [ORDER, *facts])
    assert {fact.person() for fact in facts} <= belonging


@pytest.mark.parametrize(
    "fact", [PAYMENT, CLAIM, QUESTION, MESSAGE, TICKET, DEAL], ids=lambda fact: type(fact).__name__
)
def test_a_fact_that_names_nobody_has_a_key_of_its_own(fact: Fact) -> None:
    assert fact.person() is not None
    assert fact.person() not in reached("mercadolibre:somebody", [order(9), fact])
