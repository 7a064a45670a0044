"""Suggested replies: templates of ours, and a language model before them where one is configured.

`ORDER_DESK_SUGGESTER` names what opens the Suggester (libs/suggesting). Any but `templates` may act outside of the
system, so that replays are then refused (app.py, libs/bus/replay.py). A person decides what is sent.
"""

import re
import unicodedata
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from libs.suggesting import Asked, Suggester
from schemas.marketplace_orders.marketplace_order_changed import MarketplaceOrderStatus as Order
from services.order_desk.reply_texts import INTENTS, LANGUAGE_OF_MARKET, TEXTS


class FirstOf:
    """What the first of several suggests that has a reply."""

    def __init__(self, *suggesters: Suggester) -> None:
        self._suggesters = suggesters

    async def reply(self, asked: Asked) -> str | None:
        for each in self._suggesters:
            found = await each.reply(asked)
            if found is not None:
                return found
        return None


class Templates:
    """The intent by words, the language by words and else by the market, the text by both and the order's state."""

    async def reply(self, asked: Asked) -> str | None:
        words = set(re.findall(r"[a-z]+", _plain(asked.text)))
        language, intent = _told(words, LANGUAGE_OF_MARKET.get(asked.market, "en"))
        text = TEXTS[language][_in_state(intent, asked)]
        return text.format(tracking=asked.tracking or "", carrier=asked.carrier or "")


@asynccontextmanager
async def templates() -> AsyncIterator[Templates]:
    """The default of `ORDER_DESK_SUGGESTER`."""
    yield Templates()


def _told(words: set[str], usual: str) -> tuple[str, str]:
    """Language and intent with the most words in the message; a market's usual language wins a tie."""
    best = (0, usual, "other")
    for language, intents in _by_language(usual).items():
        for intent, known in intents.items():
            count = len(words & known)
            if count > best[0]:
                best = (count, language, intent)
    return best[1], best[2]


def _by_language(first: str) -> Mapping[str, Mapping[str, frozenset[str]]]:
    return {first: INTENTS[first], **INTENTS}


def _in_state(intent: str, asked: Asked) -> str:
    if intent != "delivery" or asked.status is None:
        return intent if intent != "delivery" else "delivery_before"
    match asked.status:
        case Order.SHIPPED:
            return "delivery_on_its_way" if asked.tracking else "delivery_shipped"
        case Order.DELIVERED:
            return "delivery_done"
        case Order.CANCELLED | Order.REFUNDED | Order.RETURNED:
            return "delivery_none"
    return "delivery"


def _plain(text: str) -> str:
    """Lower case, without accents."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(one for one in decomposed if not unicodedata.combining(one))
