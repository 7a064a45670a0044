"""What comes after a sale: messages, claims, feedback, and (in Brazil) invoices. It draws from a stream of its own."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.sandbox.mercadolibre.pool import Ids, Pool
from services.sandbox.mercadolibre.sales import Sales
from services.sandbox.mercadolibre.state import Change, Claim, Feedback, Invoice, Message, Order, User
from services.sandbox.seeded import Stream, chance, stream

CLAIM_STATUSES = ("opened", "closed")

_BUYERS_TEXTS = (
    "Hola, ¿cuándo despachan mi compra? ¡Gracias!",
    "Olá, o endereço está certo? É na rua de trás 🙂",
    "¿Me pueden enviar la factura, por favor?",
)
_SELLERS_TEXTS = ("¡Hola! Sale mañana por la mañana.", "Olá! Tudo certo com o endereço.", "Claro, la adjuntamos hoy.")
_REASONS = ("PDD9549", "PNR3430", "PDD9939")
_RATINGS = ("positive", "positive", "positive", "neutral", "negative")


class AfterSale:
    """All messages, claims, feedback and invoices. `open_claims` wait for their end."""

    def __init__(self, seed: int, sales: Sales) -> None:
        self._source: Stream = stream(seed, "mercadolibre after sale")
        self._sales = sales
        self._claim_ids = Ids(self._source, 5_255_000_000, 90_000)
        self._feedback_ids = Ids(self._source, 9_040_000_000_000, 90_000_000)
        self._invoice_ids = Ids(self._source, 1_377_000, 900)
        self.messages: dict[str, Message] = {}
        self.claims: dict[int, Claim] = {}
        self.invoices: dict[int, Invoice] = {}
        self.open_claims: Pool[Claim] = Pool()
        self._processing: Pool[Invoice] = Pool()
        self._talks: Pool[Order] = Pool()

    def happen(self, seller: User, message_id: str, now: datetime) -> list[Change]:
        """Something about one of the seller's paid orders; nothing if there is none. `message_id` is for a message."""
        orders = self._sales.paid_orders(seller)
        if not len(orders):
            return []
        order, luck = orders.draw(self._source), self._source.random()
        if luck < 0.45:
            return [self.say(order, message_id, now)]
        if luck < 0.60:
            return self.rate(order, now)
        if luck < 0.75 and order.seller.site.id == "MLB":
            return self.bill(order, now)
        if len(self.open_claims) and chance(self._source, 0.5):
            return self.become(self.open_claims.draw(self._source), "closed", now)
        return [self.claim(order, now)]

    def claim(self, order: Order, now: datetime) -> Change:
        """The buyer opens a claim about an order."""
        claim = Claim(
            self._claim_ids.next(), order, "opened", "claim", self._source.choice(_REASONS), now, now, now + _DUE
        )
        self.claims[claim.id] = claim
        self.open_claims.add(claim)
        return _claimed(claim)

    def become(self, claim: Claim, status: str, now: datetime) -> list[Change]:
        """Give a claim another status; a closed one has a resolution."""
        claim.status, claim.updated = status, now
        if status == "closed":
            claim.resolution = self._source.choice(("payment_refunded", "respondent_timeout", "warehouse_decision"))
            claim.due = None
            self.open_claims.discard(claim)
        else:
            claim.resolution, claim.due = None, now + _DUE
            self.open_claims.add(claim)
        return [_claimed(claim)]

    def conversation(self, pack: int, seller: User) -> Sequence[Message]:
        """The messages about a pack (an order's own id where it has no pack), oldest first."""
        return [one for one in self.messages.values() if one.order.pack == pack and one.order.seller is seller]

    def say(self, order: Order, message_id: str, now: datetime) -> Change:
        """A new message, or the reading of the last one: that tells `read` about the same id. Talks go on by halves."""
        if len(self._talks) and chance(self._source, 0.5):
            order = self._talks.draw(self._source)
        last = order.messages[-1] if order.messages else None
        if last is not None and last.read is None and chance(self._source, 0.5):
            last.read = now
            return Change("message", last.id, order.seller, now, ("read",))
        by_buyer = last is None or not last.by_buyer
        text = self._source.choice(_BUYERS_TEXTS if by_buyer else _SELLERS_TEXTS)
        message = Message(message_id, order, by_buyer, text, now)
        order.messages.append(message)
        self._talks.add(order)
        self.messages[message.id] = message
        return Change("message", message.id, order.seller, now, ("created",))

    def rate(self, order: Order, now: datetime) -> list[Change]:
        """The buyer rates the sale, then the seller the purchase; after that nothing is left to rate."""
        rating = self._source.choice(_RATINGS)
        given = Feedback(self._feedback_ids.next(), rating, rating != "negative", now)
        if order.buyers_feedback is None:
            order.buyers_feedback = given
        elif order.sellers_feedback is None:
            order.sellers_feedback = given
        else:
            return []
        order.updated = now
        return [
            Change("feedback", order.id, order.seller, now),
            Change("order", order.id, order.seller, now, ("feedback",)),
        ]

    def bill(self, order: Order, now: datetime) -> list[Change]:
        """Brazil's fiscal invoice: one for each order, processing at first, then authorized."""
        if len(self._processing) and (order.invoice or chance(self._source, 0.5)):
            invoice = self._processing.draw(self._source)
            self._processing.discard(invoice)
            invoice.status, invoice.updated = "authorized", now
        elif order.invoice is None:
            invoice = Invoice(self._invoice_ids.next(), order, "processing", now, now)
            order.invoice = self.invoices[invoice.id] = invoice
            self._processing.add(invoice)
        else:
            return []
        return [Change("invoice", invoice.id, invoice.order.seller, now)]


_DUE = timedelta(days=2)


def _claimed(claim: Claim) -> Change:
    return Change("claim", claim.id, claim.order.seller, claim.updated, ("claims",))
