"""MercadoLibre's answers, as far as our facts need them. Source: the developer pages named in README.md.

Numbers are identifiers, times carry an offset (often `-04:00`), amounts are JSON numbers in major units. What is not
modelled is kept: see libs.marketplaces.payload.
"""

from typing import Annotated, Any

from pydantic import Field

from libs.marketplaces.payload import KEPT, Amount, EmptyIfNone, Id, Moment, OptionalId, Payload, Word
from schemas.values import Json


class Owned(Payload):
    """A resource that belongs to a seller."""

    id: Id

    @property
    def owner(self) -> str | None:
        """The seller's user id, where the resource tells it."""
        raise NotImplementedError


class OrderedItem(Payload):
    """`order_items[].item`: the listing as it was sold."""

    id: Id
    title: str | None = None
    variation_id: OptionalId = None
    seller_sku: str | None = None
    seller_custom_field: Annotated[str | None, KEPT] = None


class OrderPosition(Payload):
    """`order_items[]`."""

    item: OrderedItem
    quantity: int
    unit_price: Amount
    currency_id: str
    sale_fee: Amount | None = None


class Reference(Payload):
    """An object that matters for its id alone: `payments[]`, `shipping`."""

    id: OptionalId = None


class Party(Payload):
    """`seller`, `collector`: who owns the resource. Kept in `raw`, because a fact names our account instead."""

    id: Annotated[OptionalId, KEPT] = None


class OrderBuyer(Payload):
    """`buyer`."""

    id: Id
    nickname: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class Order(Owned):
    """GET /orders/{id}."""

    id: Id
    status: Word
    date_created: Moment
    last_updated: Moment | None = None
    date_closed: Moment | None = None
    pack_id: OptionalId = None
    total_amount: Amount
    paid_amount: Amount | None = None
    currency_id: str
    order_items: Annotated[list[OrderPosition], EmptyIfNone]
    payments: Annotated[list[Reference], EmptyIfNone] = Field(default_factory=list)
    shipping: Reference | None = None
    buyer: OrderBuyer
    seller: Party | None = None
    tags: Annotated[list[str], EmptyIfNone] = Field(default_factory=list)

    @property
    def owner(self) -> str | None:
        return self.seller.id if self.seller else None


class Named(Payload):
    """`{id, name}`: a city, a state, a country. The id is kept in `raw`."""

    name: str | None = None


class ShippingAddress(Payload):
    """`destination.shipping_address`; hidden by MercadoLibre until the payment is approved."""

    address_line: str | None = None
    zip_code: str | None = None
    city: Named | None = None
    state: Named | None = None
    country: Named | None = None


class ShipmentDestination(Payload):
    """`destination`."""

    receiver_name: str | None = None
    receiver_phone: str | None = None
    shipping_address: ShippingAddress | None = None


class ShipmentOrigin(Payload):
    """`origin`."""

    sender_id: Annotated[OptionalId, KEPT] = None


class EstimatedDelivery(Payload):
    """`lead_time.estimated_delivery_time`."""

    date: Moment | None = None


class ShippingMethod(Payload):
    """`lead_time.shipping_method`."""

    name: str | None = None


class LeadTime(Payload):
    """`lead_time`. Cost and currency are kept in `raw`: a cost without a currency has no place in a fact."""

    cost: Annotated[Amount | None, KEPT] = None
    currency_id: Annotated[str | None, KEPT] = None
    shipping_method: ShippingMethod | None = None
    estimated_delivery_time: EstimatedDelivery | None = None


class Shipment(Owned):
    """GET /shipments/{id} with the header `x-format-new: true`."""

    id: Id
    status: Word
    substatus: str | None = None
    date_created: Moment
    last_updated: Moment | None = None
    order_id: OptionalId = None
    declared_value: Annotated[Amount | None, KEPT] = None
    tracking_number: str | None = None
    tracking_method: str | None = None
    lead_time: LeadTime | None = None
    origin: ShipmentOrigin | None = None
    destination: ShipmentDestination | None = None

    @property
    def owner(self) -> str | None:
        return self.origin.sender_id if self.origin else None


class QuestionAnswer(Payload):
    """`answer`."""

    text: str | None = None
    date_created: Moment | None = None


class Question(Owned):
    """GET /questions/{id}?api_version=4."""

    id: Id
    seller_id: Annotated[OptionalId, KEPT] = None
    buyer_id: OptionalId = None
    from_: Annotated[Reference | None, KEPT, Field(alias="from")] = None
    item_id: Id
    status: Word
    text: str | None = None
    date_created: Moment
    last_updated: Moment | None = None
    answer: QuestionAnswer | None = None

    @property
    def owner(self) -> str | None:
        return self.seller_id


class Collection(Owned):
    """GET /collections/{id}: a payment. Not documented any more; names differ between its ages, so several are read."""

    id: Id
    status: Word
    status_detail: str | None = None
    order_id: OptionalId = None
    payer_id: OptionalId = None
    payer: Annotated[Reference | None, KEPT] = None
    collector: Party | None = None
    collector_id: Annotated[OptionalId, KEPT] = None
    payment_method_id: str | None = None
    payment_type: str | None = None
    payment_type_id: Annotated[str | None, KEPT] = None
    installments: int | None = None
    transaction_amount: Amount
    currency_id: str
    amount_refunded: Amount | None = None
    transaction_amount_refunded: Annotated[Amount | None, KEPT] = None
    marketplace_fee: Amount | None = None
    date_created: Moment
    date_approved: Moment | None = None
    last_modified: Annotated[Moment | None, KEPT] = None
    date_last_modified: Annotated[Moment | None, KEPT] = None
    date_last_updated: Annotated[Moment | None, KEPT] = None

    @property
    def owner(self) -> str | None:
        return self.collector_id or (self.collector.id if self.collector else None)

    @classmethod
    def unwrapped(cls, body: Any) -> Any:
        """The classic answer wraps the payment in `collection`; newer ones may not."""
        inner = body.get("collection") if isinstance(body, dict) else None
        if not isinstance(inner, dict):
            return body
        beside = {name: value for name, value in body.items() if name != "collection" and name not in inner}
        return {**inner, **beside}


class Item(Owned):
    """GET /items/{id}: a listing of ours."""

    id: Id
    title: str | None = None
    seller_id: Annotated[OptionalId, KEPT] = None
    catalog_product_id: OptionalId = None
    seller_custom_field: Annotated[str | None, KEPT] = None
    category_id: OptionalId = None
    price: Annotated[Amount | None, KEPT] = None
    currency_id: Annotated[str | None, KEPT] = None
    available_quantity: int | None = None
    sold_quantity: int | None = None
    status: Word
    condition: str | None = None
    permalink: str | None = None
    date_created: Moment | None = None
    last_updated: Moment
    attributes: Annotated[list[Json], EmptyIfNone, KEPT] = Field(default_factory=list)

    @property
    def owner(self) -> str | None:
        return self.seller_id
