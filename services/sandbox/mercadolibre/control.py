"""Changes at MercadoLibre on request: make an order, give a resource another status."""

from collections.abc import Sequence
from typing import Any

from libs.http.server import Problem
from services.sandbox.control_requests import AfterSale, Change, NewOrder
from services.sandbox.mercadolibre.after_sale import CLAIM_STATUSES
from services.sandbox.mercadolibre.marketplace import MercadoLibre
from services.sandbox.mercadolibre.offers import QUESTION_STATUSES
from services.sandbox.mercadolibre.resources.claim import claim_body
from services.sandbox.mercadolibre.resources.order import order_body
from services.sandbox.mercadolibre.resources.question import question_body
from services.sandbox.mercadolibre.resources.shipment import shipment_body
from services.sandbox.mercadolibre.sales import ORDER_STATUSES
from services.sandbox.mercadolibre.shipping import SHIPMENT_STATUSES
from services.sandbox.mercadolibre.state import Change as Happening
from services.sandbox.mercadolibre.state import Order
from services.sandbox.notice import Notice

Changed = tuple[dict[str, Any], Sequence[Notice]]


class MercadoLibreControl:
    """Each request gives the resource as it is then, and the notices to send."""

    def __init__(self, mercadolibre: MercadoLibre) -> None:
        self._mercadolibre = mercadolibre
        self._life = mercadolibre.life

    def new_order(self, wanted: NewOrder) -> Changed:
        """One order; with another status than `confirmed`, all that leads to it has happened too."""
        seller = None
        if wanted.seller_id is not None:
            seller = self._life.population.seller(wanted.seller_id)
            if seller is None:
                known = ", ".join(str(each.id) for each in self._life.population.sellers)
                raise Problem(400, f"There is no seller {wanted.seller_id}. There are: {known}.")
        _known(wanted.status, ORDER_STATUSES)
        item = None
        if wanted.item_id is not None:
            item = self._life.population.items.get(wanted.item_id)
            if item is None or item.quantity == 0 or item.status != "active":
                raise Problem(400, f"Nobody can order {wanted.item_id[:40]}: it is not on offer.")
        order, changes = self._life.sales.place(self._life.tick(), seller, item)
        if wanted.status != "confirmed":
            changes = [*changes, *self._order(order, wanted.status)]
        return order_body(order), self._mercadolibre.notices(changes)

    def after_sale(self, wanted: AfterSale) -> list[Notice]:
        """A new order, paid, and what was wanted of what comes after it."""
        sellers = self._life.population.sellers
        fit = [one for one in sellers if wanted.kind != "invoice" or one.site.id == "MLB"]
        if wanted.seller_id is not None:
            fit = [one for one in fit if one.id == wanted.seller_id]
        if not fit:
            raise Problem(400, f"No such seller can have {wanted.kind}s.")
        life = self._life
        if wanted.order_id is None:
            order, changes = life.sales.place(life.tick(), fit[0])
            changes = [*changes, *self._order(order, "paid")]
        elif (known := life.sales.orders.get(wanted.order_id)) is None:
            raise Problem(400, f"There is no order {wanted.order_id}.")
        else:
            order, changes = known, []
        now = life.tick()
        match wanted.kind:
            case "message":
                changes.append(life.after_sale.say(order, f"{order.id:032x}", now))
            case "claim":
                changes.append(life.after_sale.claim(order, now))
            case "feedback":
                changes += life.after_sale.rate(order, now)
            case "invoice":
                changes += life.after_sale.bill(order, now)
        return [*self._mercadolibre.notices(changes)]

    def change(self, collection: str, number: str, wanted: Change) -> Changed:
        """Another status for an order, a shipment, a question or a claim."""
        key = int(number) if number.isascii() and number.isdigit() else -1
        life = self._life
        if collection == "orders" and (order := life.sales.orders.get(key)):
            _known(wanted.status, ORDER_STATUSES)
            changes = self._order(order, wanted.status)
            return order_body(order), self._mercadolibre.notices(changes)
        if collection == "shipments" and (shipment := life.shipping.shipments.get(key)):
            _known(wanted.status, SHIPMENT_STATUSES)
            changes = life.shipping.become(shipment, wanted.status, None, life.tick())
            return shipment_body(shipment), self._mercadolibre.notices(changes)
        if collection == "questions" and (question := life.offers.questions.get(key)):
            _known(wanted.status, QUESTION_STATUSES)
            changes = life.offers.become(question, wanted.status, life.tick())
            return question_body(question), self._mercadolibre.notices(changes)
        if collection == "claims" and (claim := life.after_sale.claims.get(key)):
            _known(wanted.status, CLAIM_STATUSES)
            changes = life.after_sale.become(claim, wanted.status, life.tick())
            return claim_body(claim), self._mercadolibre.notices(changes)
        raise Problem(404, f"There is nothing to change at {collection[:40]}/{number[:40]}.")

    def _order(self, order: Order, status: str) -> list[Happening]:
        sales = self._life.sales
        changes = sales.become(order, status, self._life.tick())
        while status == "paid" and order.status == "partially_paid":  # the payment in process was for a part only
            changes = [*changes, *sales.become(order, status, self._life.tick())]
        return changes


def _known(status: str, statuses: Sequence[str]) -> None:
    if status not in statuses:
        raise Problem(400, f"There is no status {status[:40]!r}. There are: {', '.join(statuses)}.")
