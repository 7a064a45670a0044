"""What notifications point to: the official samples' quirks are understood, a stranger's path is never asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.marketplaces.mercadolibre.resources import Kind, NotAResource, Resource, pointed_at, topic_name


@pytest.mark.parametrize(
    ("kind", "resource", "identity"),
    [
        (Kind.ORDER, "/orders/2000016796107000", "2000016796107000"),
        (Kind.ORDER, "orders/2000016796107000", "2000016796107000"),
        (Kind.ORDER, "2000016796107000", "2000016796107000"),
        (Kind.ORDER, 2000016796107000, "2000016796107000"),
        (Kind.ORDER, " /orders/1/\n", "1"),
        (Kind.PAYMENT, "/collections/162718340000", "162718340000"),
        (Kind.PAYMENT, "/payments/162718340000", "162718340000"),
        (Kind.QUESTION, "/questions/13066000001?api_version=4", "13066000001"),
        (Kind.SHIPMENT, "/shipments/43210001234", "43210001234"),
        (Kind.ITEM, "/items/MLB4739200000", "MLB4739200000"),
        (Kind.ITEM, "/items/MLB4739200000/prices", "MLB4739200000"),
        (Kind.MESSAGE, "3f6da1e35ac84f70a24af7360d24c7bc", "3f6da1e35ac84f70a24af7360d24c7bc"),
        (Kind.MESSAGE, "/messages/3f6da1e35ac84f70a24af7360d24c7bc", "3f6da1e35ac84f70a24af7360d24c7bc"),
        (Kind.CLAIM, "post-purchase/v1/claims/5108684499", "5108684499"),
        (Kind.CLAIM, "/post-purchase/v2/claims/5108684499/returns", "5108684499"),
        (Kind.CLAIM, "/v1/claims/1041417027", "1041417027"),
        (Kind.FEEDBACK, "/orders/2000016796107000/feedback", "2000016796107000"),
        (Kind.INVOICE, "/users/123456789/invoices/1377978", "1377978"),
    ],
)
def test_what_the_samples_hold_is_understood(kind, resource, identity):
    assert pointed_at(kind, resource) == Resource(kind, identity)


@pytest.mark.parametrize(
    "resource",
    [
        None,
        "",
        "/",
        "/orders",
        "/orders/",
        "/users/1",
        "/orders/../users/me",
        "/orders/%2e%2e",
        "//evil.example/orders/1",
        "https://evil.example/orders/1",
        "/orders/1 /orders/2",
        "/orders/1#",
        "/orders/１",
        "/orders/" + "1" * 65,
        "/orders/1\r\nHost: evil",
    ],
)
def test_what_points_elsewhere_is_refused(resource):
    with pytest.raises(NotAResource):
        pointed_at(Kind.ORDER, resource)


@given(st.sampled_from(Kind), st.none() | st.integers() | st.text() | st.from_regex(r"/?[a-z]*/.*"))
def test_an_id_is_always_safe_in_a_path(kind, resource):
    try:
        identity = pointed_at(kind, resource).id
    except NotAResource:
        return
    assert identity
    assert identity.isascii()
    assert set(identity) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


@pytest.mark.parametrize("written", ["orders feedback", "orders_feedback", "Orders-Feedback", " orders  feedback "])
def test_one_topic_has_one_name(written):
    assert topic_name(written) == "orders_feedback"
