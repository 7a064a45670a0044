"""Suggested replies: by what is asked, in the customer's language, by how far the order is."""

import pytest

from libs.suggesting import Asked
from schemas.marketplace_orders.marketplace_order_changed import MarketplaceOrderStatus as Order
from schemas.message_tickets.message_ticket_changed import ENTITY
from services.order_desk.replies import Templates
from services.order_desk.reply_texts import INTENTS, LANGUAGE_OF_MARKET, TEXTS


async def test_the_document_s_message_gets_the_document_s_reply() -> None:
    asked = Asked(ENTITY.example["customerMessage"], "US", Order.NEW)
    assert await Templates().reply(asked) == ENTITY.example["suggestedReply"]


@pytest.mark.parametrize(
    ("text", "market", "status", "words"),
    [
        ("Where is my package?", "US", Order.SHIPPED, "on its way with UPS; the tracking number is 1Z9"),
        ("Where is my package?", "MX", Order.SHIPPED, "on its way with UPS"),
        ("¿Cuándo llega?", "US", None, "Enviamos poco después"),
        ("¿Cuándo llega?", "MX", Order.DELIVERED, "fue entregado"),
        ("Quando chega?", "BR", Order.CANCELLED, "não haverá entrega"),
        ("Veio com defeito", "BR", Order.DELIVERED, "Sentimos muito"),
        ("hmm", "BR", None, "Obrigado pela mensagem"),
        ("", "JP", None, "Thank you for your message"),
    ],
)
async def test_what_is_asked_is_answered(text: str, market: str, status: Order | None, words: str) -> None:
    reply = await Templates().reply(Asked(text, market, status, tracking="1Z9", carrier="UPS"))
    assert reply is not None
    assert words in reply


def test_every_language_has_every_text() -> None:
    assert set(INTENTS) == set(TEXTS) == {"en", *LANGUAGE_OF_MARKET.values()}
    for language, texts in TEXTS.items():
        assert texts.keys() == TEXTS["en"].keys()
        assert INTENTS[language].keys() == INTENTS["en"].keys()
        for text in texts.values():
            assert text.format(tracking="", carrier="")
