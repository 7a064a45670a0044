"""MercadoLibre's payloads → our facts: pure functions. Each raises Malformed when no valid fact can be made."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import wraps
from typing import TypeVar

from pydantic import ValidationError

from libs.marketplaces.mercadolibre import statuses
from libs.marketplaces.mercadolibre.payloads import (
    Collection,
    Item,
    Order,
    OrderPosition,
    Question,
    Shipment,
    ShipmentDestination,
)
from libs.marketplaces.payload import Malformed, Payload, leftover
from schemas.event import Fact
from schemas.listings.listing_changed import ListingChangedV1, ListingStatus
from schemas.orders.order_changed import Buyer, OrderChangedV2, OrderLine, OrderStatus
from schemas.payments.payment_changed import PaymentChangedV1, PaymentStatus
from schemas.questions.question_changed import QuestionChangedV1, QuestionStatus
from schemas.registry import summary
from schemas.shipments.shipment_changed import Destination, ShipmentChangedV1, ShipmentStatus
from schemas.values import Money

MARKETPLACE = "mercadolibre"

P = TypeVar("P", bound=Payload)
F = TypeVar("F", bound=Fact)


def valid(translate: Callable[[P, str], F]) -> Callable[[P, str], F]:
    """A fact refuses what its schema forbids (a currency of two letters): that is a malformed payload, too."""

    @wraps(translate)
    def translated(payload: P, account: str) -> F:
        try:
            return translate(payload, account)
        except ValidationError as error:
            raise Malformed(f"{translate.__name__}: {summary(error)}") from None

    return translated


@valid
def order_changed(order: Order, account: str) -> OrderChangedV2:
    """An order's state. Without `last_updated` the latest time that it tells counts."""
    return OrderChangedV2(
        marketplace=MARKETPLACE,
        account=account,
        order_id=order.id,
        status=statuses.ORDER.get(order.status, OrderStatus.UNKNOWN),
        marketplace_status=order.status,
        pack_id=order.pack_id,
        placed_at=order.date_created,
        updated_at=order.last_updated or latest(order.date_created, order.date_closed),
        closed_at=order.date_closed,
        total=Money(amount=order.total_amount, currency=order.currency_id),
        paid=_money(order.paid_amount, order.currency_id),
        lines=[_line(position) for position in order.order_items],
        buyer=Buyer(
            id=order.buyer.id,
            nickname=order.buyer.nickname,
            first_name=order.buyer.first_name,
            last_name=order.buyer.last_name,
        ),
        payment_ids=[payment.id for payment in order.payments if payment.id],
        shipment_id=order.shipping.id if order.shipping else None,
        tags=order.tags,
        raw=leftover(order),
    )


@valid
def shipment_changed(shipment: Shipment, account: str) -> ShipmentChangedV1:
    """A shipment's state. The declared value's currency is that of the lead time's cost: no other is told."""
    lead = shipment.lead_time
    currency = lead.currency_id if lead else None
    return ShipmentChangedV1(
        marketplace=MARKETPLACE,
        account=account,
        shipment_id=shipment.id,
        order_ids=[shipment.order_id] if shipment.order_id else [],
        status=statuses.SHIPMENT.get(shipment.status, ShipmentStatus.UNKNOWN),
        marketplace_status=shipment.status,
        substatus=shipment.substatus,
        tracking_number=shipment.tracking_number,
        carrier=shipment.tracking_method,
        service=lead.shipping_method.name if lead and lead.shipping_method else None,
        cost=_money(lead.cost, currency) if lead else None,
        declared_value=_money(shipment.declared_value, currency),
        estimated_delivery_at=(lead.estimated_delivery_time.date if lead and lead.estimated_delivery_time else None),
        destination=_destination(shipment.destination) if shipment.destination else None,
        created_at=shipment.date_created,
        updated_at=shipment.last_updated or shipment.date_created,
        raw=leftover(shipment),
    )


@valid
def question_changed(question: Question, account: str) -> QuestionChangedV1:
    """A question's state. Without `last_updated` the time of its answer counts, else that of the question."""
    answer = question.answer
    answered_at = answer.date_created if answer else None
    return QuestionChangedV1(
        marketplace=MARKETPLACE,
        account=account,
        question_id=question.id,
        listing_id=question.item_id,
        buyer_id=question.buyer_id or (question.from_.id if question.from_ else None),
        status=statuses.QUESTION.get(question.status, QuestionStatus.UNKNOWN),
        marketplace_status=question.status,
        text=question.text or "",  # a banned question's text is empty
        answer_text=answer.text if answer else None,
        answered_at=answered_at,
        asked_at=question.date_created,
        updated_at=question.last_updated or latest(question.date_created, answered_at),
        raw=leftover(question),
    )


@valid
def payment_changed(payment: Collection, account: str) -> PaymentChangedV1:
    """A payment's state. Its time of change has three names in three ages of the API; the latest told counts."""
    refunded = payment.amount_refunded
    if refunded is None:
        refunded = payment.transaction_amount_refunded
    return PaymentChangedV1(
        marketplace=MARKETPLACE,
        account=account,
        payment_id=payment.id,
        order_id=payment.order_id,
        payer_id=payment.payer_id or (payment.payer.id if payment.payer else None),
        status=statuses.PAYMENT.get(payment.status, PaymentStatus.UNKNOWN),
        marketplace_status=payment.status,
        status_detail=payment.status_detail,
        method=payment.payment_method_id,
        kind=payment.payment_type or payment.payment_type_id,
        installments=payment.installments,
        amount=Money(amount=payment.transaction_amount, currency=payment.currency_id),
        refunded=_money(refunded, payment.currency_id),
        fee=_money(payment.marketplace_fee, payment.currency_id),
        created_at=payment.date_created,
        approved_at=payment.date_approved,
        updated_at=latest(
            payment.date_created,
            payment.date_approved,
            payment.last_modified,
            payment.date_last_modified,
            payment.date_last_updated,
        ),
        raw=leftover(payment),
    )


@valid
def listing_changed(item: Item, account: str) -> ListingChangedV1:
    """A listing's state. Its SKU is the attribute SELLER_SKU, in older listings `seller_custom_field`."""
    attributes = {
        name: value
        for attribute in item.attributes
        if isinstance(name := attribute.get("id"), str) and isinstance(value := attribute.get("value_name"), str)
    }
    return ListingChangedV1(
        marketplace=MARKETPLACE,
        account=account,
        listing_id=item.id,
        product_id=item.catalog_product_id,
        sku=attributes.get("SELLER_SKU") or item.seller_custom_field,
        title=item.title or "",
        status=statuses.LISTING.get(item.status, ListingStatus.UNKNOWN),
        marketplace_status=item.status,
        condition=item.condition,
        price=_money(item.price, item.currency_id),
        quantity_available=item.available_quantity,
        quantity_sold=item.sold_quantity,
        category_id=item.category_id,
        url=item.permalink,
        attributes=attributes,
        created_at=item.date_created,
        updated_at=item.last_updated,
        raw=leftover(item),
    )


def _line(position: OrderPosition) -> OrderLine:
    item = position.item
    return OrderLine(
        item_id=item.id,
        variation_id=item.variation_id,
        sku=item.seller_sku or item.seller_custom_field,
        title=item.title or "",
        quantity=position.quantity,
        unit_price=Money(amount=position.unit_price, currency=position.currency_id),
        sale_fee=_money(position.sale_fee, position.currency_id),
    )


def _destination(told: ShipmentDestination) -> Destination:
    address = told.shipping_address
    return Destination(
        receiver_name=told.receiver_name,
        receiver_phone=told.receiver_phone,
        address=address.address_line if address else None,
        postal_code=address.zip_code if address else None,
        city=address.city.name if address and address.city else None,
        state=address.state.name if address and address.state else None,
        country=address.country.name if address and address.country else None,
    )


def _money(amount: Decimal | None, currency: str | None) -> Money | None:
    return None if amount is None or currency is None else Money(amount=amount, currency=currency)


def latest(first: datetime, *others: datetime | None) -> datetime:
    """The latest of the times that are told."""
    return max([first, *(other for other in others if other is not None)])
