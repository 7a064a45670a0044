"""MercadoLibre put together: world, tokens, API, notifications."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from services.sandbox.channel import Channel, minutes
from services.sandbox.clock import Clock
from services.sandbox.mercadolibre.errors import FAULT_ANSWERS
from services.sandbox.mercadolibre.hourly import HourlyLimits
from services.sandbox.mercadolibre.life import Life
from services.sandbox.mercadolibre.missed import MissedFeeds
from services.sandbox.mercadolibre.notices import MercadoLibreNotice, Notices
from services.sandbox.mercadolibre.poison import Poison
from services.sandbox.mercadolibre.resources.claim import claim_body
from services.sandbox.mercadolibre.resources.collection import collection_body
from services.sandbox.mercadolibre.resources.feedback import feedback_body
from services.sandbox.mercadolibre.resources.invoice import invoice_body
from services.sandbox.mercadolibre.resources.item import item_body
from services.sandbox.mercadolibre.resources.message import message_body
from services.sandbox.mercadolibre.resources.order import order_body
from services.sandbox.mercadolibre.resources.question import question_body
from services.sandbox.mercadolibre.resources.shipment import shipment_body
from services.sandbox.mercadolibre.routes import api
from services.sandbox.mercadolibre.state import Change
from services.sandbox.mercadolibre.switches import SwitchBoard, Switches
from services.sandbox.mercadolibre.tokens import Application, Tokens
from services.sandbox.notice import Notice
from services.sandbox.world import Marketplace, Truth

RETRIES = minutes(1, 2, 4, 8, 15, 15, 15)
"""Eight attempts within one hour. The single waits are not documented; their number and sum are."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much exists at the start."""

    sellers: int = 2
    items_per_seller: int = 20
    buyers: int = 50


class MercadoLibre(Marketplace):
    """The stand-in for MercadoLibre."""

    name = "mercadolibre"
    share = 8
    fault_answers = FAULT_ANSWERS

    def __init__(
        self,
        seed: int,
        start: datetime,
        clock: Clock,
        application: Application,
        *,
        target: str | None,
        size: Size,
        token_life: timedelta,
        quirks: float,
        ack_seconds: float,
        switches: Switches | None = None,
    ) -> None:
        self.life = Life(seed, start, size.sellers, size.items_per_seller, size.buyers)
        self.tokens = Tokens(seed, application, clock, token_life)
        self._notices = Notices(seed, application.id, quirks)
        self._poison = Poison(seed, self.life, self._notices)
        self._missed = MissedFeeds(clock, target or "")
        self.board = SwitchBoard(switches or Switches())
        self._limits = HourlyLimits(clock, self.board)
        self.channel = (
            Channel(
                url=target,
                success=frozenset({200}),
                ack_seconds=ack_seconds,
                give_up_seconds=4 * ack_seconds,
                waits=RETRIES,
                on_lost=self._missed.add,
            )
            if target
            else None
        )

    def application(self) -> web.Application:
        return api(self.life, self.tokens, self._missed, self.board, self._limits)

    def step(self) -> Sequence[Notice]:
        return self.notices(self.life.step())

    def notices(self, changes: Sequence[Change]) -> list[MercadoLibreNotice]:
        return self._notices.of(changes)

    @property
    def poisons(self) -> Sequence[str]:
        return tuple(self._poison.kinds)

    def poison(self, kind: str) -> Notice:
        return self._poison.kinds[kind]()

    def truth(self) -> Truth:
        life = self.life
        return {
            "orders": lambda: map(order_body, life.sales.orders.values()),
            "shipments": lambda: map(shipment_body, life.shipping.shipments.values()),
            "questions": lambda: map(question_body, life.offers.questions.values()),
            "payments": lambda: (collection_body(each)["collection"] for each in life.sales.payments.values()),
            "items": lambda: map(item_body, life.population.items.values()),
            "messages": lambda: map(message_body, life.after_sale.messages.values()),
            "feedback": lambda: (
                {"id": order.id, **feedback_body(order)}
                for order in life.sales.orders.values()
                if order.buyers_feedback or order.sellers_feedback
            ),
            "claims": lambda: map(claim_body, life.after_sale.claims.values()),
            "invoices": lambda: map(invoice_body, life.after_sale.invoices.values()),
        }

    def accounts(self) -> Mapping[str, Any]:
        application = self.tokens.application
        return {
            "application_id": application.id,
            "client_secret": application.client_secret,
            "redirect_uri": application.redirect_uri,
            "sellers": [
                {
                    "user_id": seller.id,
                    "nickname": seller.nickname,
                    "site_id": seller.site.id,
                    "refresh_token": self.tokens.newest_refresh_token(seller.id),
                }
                for seller in self.life.population.sellers
            ],
        }
