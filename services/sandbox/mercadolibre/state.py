"""What exists at MercadoLibre: sellers, buyers, items, orders, and what belongs to them. Amounts are in cents."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Site:
    """A country's marketplace."""

    id: str
    currency: str
    country: str
    country_name: str
    state: str
    city: str
    zip_code: str
    payment_methods: tuple[str, ...]


SITES = (
    Site("MLM", "MXN", "MX", "México", "Michoacán", "Pátzcuaro", "61600", ("visa", "master", "oxxo")),
    Site("MLB", "BRL", "BR", "Brasil", "São Paulo", "Araçatuba", "16010-000", ("master", "pix", "elo")),
    Site("MLA", "ARS", "AR", "Argentina", "Neuquén", "Añelo", "Q8305", ("visa", "account_money", "naranja")),
)


@dataclass(frozen=True, slots=True)
class User:
    """A seller or a buyer."""

    id: int
    nickname: str
    first_name: str
    last_name: str
    email: str
    site: Site
    registered: datetime
    street: str


@dataclass(slots=True)
class Item:
    """A listing. `product_id`: of the catalog product that it offers, where it offers one."""

    id: str
    seller: User
    title: str
    product_id: str | None
    category_id: str
    sku: str
    variation_id: int | None
    condition: str
    price: int
    quantity: int
    sold: int
    status: str
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """A position of an order, with the price at which it was sold."""

    item: Item
    title: str
    quantity: int
    unit_price: int

    @property
    def amount(self) -> int:
        return self.unit_price * self.quantity


@dataclass(slots=True)
class Payment:
    """A payment of an order."""

    id: int
    order: "Order"
    method: str
    installments: int
    amount: int
    status: str
    status_detail: str
    created: datetime
    updated: datetime
    approved: datetime | None = None
    refunded: int = 0


@dataclass(slots=True)
class Shipment:
    """A shipment of an order."""

    id: int
    order: "Order"
    status: str
    substatus: str | None
    created: datetime
    updated: datetime
    tracking_number: str | None = None


@dataclass(slots=True)
class Order:
    """An order of one buyer at one seller."""

    id: int
    seller: User
    buyer: User
    lines: tuple[Line, ...]
    ships: bool
    pack_id: int | None
    status: str
    created: datetime
    updated: datetime
    closed: datetime | None = None
    cancel_reason: str | None = None
    payments: list[Payment] = field(default_factory=list)
    shipment: Shipment | None = None
    messages: list["Message"] = field(default_factory=list)
    buyers_feedback: "Feedback | None" = None
    sellers_feedback: "Feedback | None" = None
    invoice: "Invoice | None" = None

    @property
    def pack(self) -> int:
        """What messages are about: the pack, or the order's own id where it has none."""
        return self.pack_id or self.id

    @property
    def total(self) -> int:
        return sum(line.amount for line in self.lines)

    @property
    def paid(self) -> int:
        return sum(payment.amount for payment in self.payments if payment.status == "approved")


@dataclass(slots=True)
class Question:
    """A buyer's question about an item."""

    id: int
    item: Item
    buyer: User
    text: str
    status: str
    created: datetime
    updated: datetime
    answer: str | None = None
    answered: datetime | None = None


@dataclass(slots=True)
class Message:
    """A message about an order after its sale."""

    id: str
    order: Order
    by_buyer: bool
    text: str
    created: datetime
    read: datetime | None = None


@dataclass(slots=True)
class Claim:
    """A buyer's claim about an order; `due` is until when the seller must act."""

    id: int
    order: Order
    status: str
    stage: str
    reason_id: str
    created: datetime
    updated: datetime
    due: datetime | None
    resolution: str | None = None


@dataclass(frozen=True, slots=True)
class Feedback:
    """One side's feedback on an order."""

    id: int
    rating: str
    fulfilled: bool
    created: datetime


@dataclass(slots=True)
class Invoice:
    """A fiscal invoice of an order (Brazil)."""

    id: int
    order: Order
    status: str
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """Something changed: its `kind` (a key of `notices.TOPICS`) and its id.

    `actions` are the words that a notification may carry about it.
    """

    kind: str
    id: int | str
    seller: User
    at: datetime
    actions: tuple[str, ...] = ()
