"""From state to state: every way is by documented steps, and a marketplace's word leads where it should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.entities import BY_COLLECTION
from schemas.entity import Workflow
from schemas.marketplace_orders.marketplace_order_changed import MarketplaceOrderStatus as Order
from schemas.marketplace_shipments.marketplace_shipment_changed import MarketplaceShipmentStatus as Parcel
from schemas.orders.order_changed import OrderStatus
from schemas.shipments.shipment_changed import ShipmentStatus
from services.order_desk.steps import (
    ORDER,
    PARCEL,
    PARCEL_BY_SUBSTATUS,
    TROUBLE,
    conflict,
    order_of,
    order_way,
    parcel,
    way,
)


def workflow(collection: str) -> Workflow:
    found = BY_COLLECTION[collection].workflow
    assert found is not None
    return found


ORDERS, SHIPMENTS = workflow("marketplaceOrders"), workflow("shipments")


@given(st.sampled_from(list(Order)), st.sampled_from(list(Order)))
def test_every_step_of_a_way_is_documented(old: Order, new: Order) -> None:
    path = way(ORDERS, old, new)
    if path is not None:
        for before, after in zip((old, *path), path, strict=False):
            assert after in ORDERS.steps[before]
        assert (old, *path)[-1] == new


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (Order.NEW, Order.NEW, ()),
        (Order.NEW, Order.SHIPPED, (Order.CONFIRMED, Order.PROCESSING, Order.SHIPPED)),
        (Order.NEW, Order.REFUNDED, (Order.CANCELLED, Order.REFUNDED)),
        (Order.DELIVERED, Order.SHIPPED, None),
        (Order.REFUNDED, Order.CANCELLED, None),
    ],
)
def test_the_ways_of_an_order(old: Order, new: Order, path: tuple[Order, ...] | None) -> None:
    assert way(ORDERS, old, new) == path


@given(st.sampled_from(list(Order)), st.sampled_from(list(Order)))
def test_no_order_is_said_to_have_arrived_or_come_back_on_its_way_to_another_state(old: Order, new: Order) -> None:
    path = order_way(ORDERS, old, new)
    if path is not None:
        assert not {Order.DELIVERED, Order.RETURNED}.intersection(path[:-1])
    if old in (Order.SHIPPED, Order.DELIVERED) and new in (Order.CANCELLED, Order.REFUNDED):
        assert (path is None) == (conflict(old, new) is not None), "what cannot be reached is told"
    else:
        assert conflict(old, new) is None


def test_a_parcel_goes_through_trouble_only_where_no_other_way_leads() -> None:
    assert way(SHIPMENTS, Parcel.LABEL_CREATED, Parcel.DELIVERED, TROUBLE) == (
        Parcel.PICKED_UP,
        Parcel.IN_TRANSIT,
        Parcel.OUT_FOR_DELIVERY,
        Parcel.DELIVERED,
    )
    failed = way(SHIPMENTS, Parcel.IN_TRANSIT, Parcel.DELIVERY_FAILED, TROUBLE)
    assert failed == (Parcel.OUT_FOR_DELIVERY, Parcel.DELIVERY_FAILED)
    assert way(SHIPMENTS, Parcel.EXCEPTION, Parcel.RETURNED_TO_SENDER, TROUBLE) == (Parcel.RETURNED_TO_SENDER,)


def test_every_word_of_ours_has_a_meaning() -> None:
    assert set(ORDER) == set(OrderStatus)
    assert set(PARCEL) == set(ShipmentStatus)
    assert parcel(ShipmentStatus.SHIPPED, "out_for_delivery") is Parcel.OUT_FOR_DELIVERY
    assert parcel(ShipmentStatus.NOT_DELIVERED, "returned") is Parcel.RETURNED_TO_SENDER
    assert parcel(ShipmentStatus.DELIVERED, "returned") is Parcel.DELIVERED
    assert set(PARCEL_BY_SUBSTATUS.values()) <= set(Parcel)


@pytest.mark.parametrize(
    ("parcels", "order"),
    [
        ([], None),
        ([Parcel.EXCEPTION], None),
        ([Parcel.LABEL_CREATED], Order.PROCESSING),
        ([Parcel.LABEL_CREATED, Parcel.IN_TRANSIT], Order.SHIPPED),
        ([Parcel.DELIVERED, Parcel.LABEL_CREATED], Order.SHIPPED),
        ([Parcel.DELIVERED, Parcel.DELIVERED], Order.DELIVERED),
        ([Parcel.DELIVERED, Parcel.RETURNED_TO_SENDER], Order.RETURNED),
        ([Parcel.DELIVERY_FAILED], Order.SHIPPED),
    ],
)
def test_what_parcels_make_of_their_order(parcels: list[Parcel], order: Order | None) -> None:
    assert order_of(parcels) == order
