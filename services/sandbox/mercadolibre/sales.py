"""How orders, their payments and their shipments move."""

from datetime import datetime

from services.sandbox.mercadolibre.pool import Ids, Pool
from services.sandbox.mercadolibre.population import Population
from services.sandbox.mercadolibre.shipping import Shipping
from services.sandbox.mercadolibre.state import Change, Item, Line, Order, Payment, User
from services.sandbox.seeded import Stream, chance

ORDER_STATUSES = (
    "confirmed",
    "payment_required",
    "payment_in_process",
    "partially_paid",
    "paid",
    "cancelled",
    "invalid",
)


class Sales:
    """All orders and payments. `open_orders` are those that will still change by themselves."""

    def __init__(self, source: Stream, population: Population, shipping: Shipping) -> None:
        self._source = source
        self._population = population
        self._shipping = shipping
        self._order_ids = Ids(source, 2_000_010_000_000_000, 90_000_000)
        self._payment_ids = Ids(source, 162_000_000_000, 900_000)
        self.orders: dict[int, Order] = {}
        self.payments: dict[int, Payment] = {}
        self.open_orders: Pool[Order] = Pool()
        self._paid: dict[int, Pool[Order]] = {seller.id: Pool() for seller in population.sellers}

    def paid_orders(self, seller: User) -> Pool[Order]:
        """The seller's orders that are paid now."""
        return self._paid[seller.id]

    def place(self, now: datetime, seller: User | None = None, item: Item | None = None) -> tuple[Order, list[Change]]:
        """A buyer orders: the order is confirmed, the stock goes down. `item`: one of this, to be shipped."""
        if item is not None:
            return self._placed(item.seller, (Line(item, item.title, self._take(item, now, 1), item.price),), now, True)
        source = self._source
        seller = seller or self._population.any_seller()
        items = {
            item.id: item for _ in range(2 if chance(source, 0.1) else 1) for item in [self._in_stock(seller, now)]
        }
        lines = tuple(Line(item, item.title, self._take(item, now), item.price) for item in items.values())
        return self._placed(seller, lines, now, None)

    def _placed(
        self, seller: User, lines: tuple[Line, ...], now: datetime, ships: bool | None
    ) -> tuple[Order, list[Change]]:
        source = self._source
        number = self._order_ids.next()
        order = Order(
            id=number,
            seller=seller,
            buyer=self._population.any_buyer(seller),
            lines=lines,
            ships=not chance(source, 0.15) if ships is None else ships,
            pack_id=number - source.randint(1, 999) if ships is None and chance(source, 0.1) else None,
            status="confirmed",
            created=now,
            updated=now,
        )
        self.orders[number] = order
        self.open_orders.add(order)
        return order, [
            self._changed(order, "created", "order_items"),
            *(Change("item", line.item.id, seller, now, ("stock",)) for line in lines),
        ]

    def advance(self, now: datetime) -> list[Change]:
        """The next thing happens to one of the open orders."""
        order = self.open_orders.draw(self._source)
        luck = self._source.random()
        match order.status:
            case "confirmed":
                return self.become(order, "payment_required" if luck < 0.5 else "payment_in_process", now)
            case "payment_required":
                return self.become(order, "payment_in_process" if luck < 0.85 else "cancelled", now)
            case "payment_in_process":
                if luck < 0.10:
                    return self._reject(order, now)
                return self.become(order, "paid" if luck < 0.95 else "cancelled", now)
            case "partially_paid":
                return self.become(order, "paid", now)
            case _:
                return self.become(order, "cancelled", now)

    def become(self, order: Order, status: str, now: datetime) -> list[Change]:
        """Give an order another status, with all that belongs to it."""
        match status:
            case "payment_in_process":
                return self._start_payment(order, now)
            case "paid":
                return self._pay(order, now)
            case "cancelled" if order.status != "cancelled":
                return self._cancel(order, now)
            case _:
                self._set(order, status, now)
                return [self._changed(order, "status")]

    def _set(self, order: Order, status: str, now: datetime) -> None:
        order.status = status
        order.updated = now
        paid = self._paid[order.seller.id]
        if status == "paid":
            paid.add(order)
        else:
            paid.discard(order)

    def _in_stock(self, seller: User, now: datetime) -> Item:
        item = self._population.any_item(seller)
        if item.quantity == 0 or item.status != "active":
            item.quantity = self._source.randint(5, 40)  # the seller's new goods came
            item.status = "active"
            item.updated = now
        return item

    def _take(self, item: Item, now: datetime, wanted: int | None = None) -> int:
        quantity = min(item.quantity, wanted or self._source.choice((1, 1, 1, 2, 3)))
        item.quantity -= quantity
        item.sold += quantity
        item.updated = now
        return quantity

    def _start_payment(self, order: Order, now: datetime) -> list[Change]:
        rest = order.total - order.paid
        part = rest // 2 if chance(self._source, 0.05) else rest
        payment = Payment(
            id=self._payment_ids.next(),
            order=order,
            method=self._source.choice(order.seller.site.payment_methods),
            installments=self._source.choice((1, 1, 1, 3, 6, 12)),
            amount=part,
            status="in_process",
            status_detail="pending_contingency",
            created=now,
            updated=now,
        )
        order.payments.append(payment)
        self.payments[payment.id] = payment
        self._set(order, "payment_in_process", now)
        return [self._changed(order, "payments"), self._paying(payment)]

    def _reject(self, order: Order, now: datetime) -> list[Change]:
        payment = order.payments[-1]
        payment.status, payment.status_detail, payment.updated = "rejected", "cc_rejected_insufficient_amount", now
        self._set(order, "payment_required", now)
        return [self._changed(order, "payments"), self._paying(payment)]

    def _pay(self, order: Order, now: datetime) -> list[Change]:
        """Money comes in. When it is all there, five notices tell of one sale in one moment."""
        if order.paid == order.total:
            self._set(order, "paid", now)
            return [self._changed(order, "status")]
        if not order.payments or order.payments[-1].status != "in_process":
            self._start_payment(order, now)
        payment = order.payments[-1]
        payment.status, payment.status_detail = "approved", "accredited"
        payment.approved = payment.updated = now
        whole = order.paid == order.total
        self._set(order, "paid" if whole else "partially_paid", now)
        if not whole:
            return [self._changed(order, "payments"), self._paying(payment)]
        order.closed = now
        if not chance(self._source, 0.06):  # the others are cancelled some time later
            self.open_orders.discard(order)
        if order.ships and order.shipment is None:
            last = self._shipping.create(order, now)
        else:
            last = self._changed(order, "feedback")
        return [
            self._changed(order, "payments", "order_items"),
            self._paying(payment),
            self._changed(order, "payments"),
            last,
            self._changed(order, "shipping"),
        ]

    def _cancel(self, order: Order, now: datetime) -> list[Change]:
        changes: list[Change] = []
        for payment in order.payments:
            if payment.status == "approved":
                payment.status, payment.status_detail, payment.refunded = "refunded", "refunded", payment.amount
            elif payment.status == "in_process":
                payment.status, payment.status_detail = "cancelled", "by_collector"
            else:
                continue
            payment.updated = now
            changes.append(self._paying(payment))
        for line in order.lines:
            line.item.quantity += line.quantity
            line.item.sold = max(0, line.item.sold - line.quantity)
            line.item.updated = now
            changes.append(Change("item", line.item.id, order.seller, now, ("stock",)))
        self._set(order, "cancelled", now)
        order.closed = order.closed or now
        order.cancel_reason = self._source.choice(("buyer_cancel_express", "out_of_stock", "mediations_buyer_won"))
        self.open_orders.discard(order)
        return [self._changed(order, "status"), *changes, *self._shipping.cancel(order, now)]

    def _changed(self, order: Order, *actions: str) -> Change:
        return Change("order", order.id, order.seller, order.updated, actions)

    def _paying(self, payment: Payment) -> Change:
        return Change("payment", payment.id, payment.order.seller, payment.updated)
