"""MercadoLibre's answers → facts: exact on real shapes, honest on broken ones, and nothing is ever lost."""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libs.http.answer import exact_json
from libs.marketplaces.identity import state_id
from libs.marketplaces.mercadolibre import translate, translate_after_sale
from libs.marketplaces.mercadolibre.resources import Kind, Resource
from libs.marketplaces.mercadolibre.resources_routes import ROUTES
from libs.marketplaces.payload import MAX_DEPTH, Malformed
from schemas.claims.claim_changed import ClaimStatus
from schemas.event import Fact
from schemas.feedback.feedback_changed import Rating
from schemas.invoices.invoice_changed import InvoiceStatus
from schemas.listings.listing_changed import ListingStatus
from schemas.messages.message_changed import Direction, MessageStatus
from schemas.orders.order_changed import OrderStatus
from schemas.payments.payment_changed import PaymentStatus
from schemas.questions.question_changed import QuestionStatus
from schemas.shipments.shipment_changed import ShipmentStatus
from schemas.values import Money

FIXTURES = Path(__file__).parents[2] / "fixtures" / "marketplaces" / "mercadolibre" / "api"


@dataclass(frozen=True)
class Case:
    """One kind of answer and the way that it takes."""

    file: str
    kind: Kind
    fact: Callable[[Any, str], Fact]

    def answer(self) -> Any:
        return exact_json((FIXTURES / f"{self.file}.json").read_bytes())

    def translate(self, answer: Any) -> Fact:
        route = ROUTES[self.kind]
        return self.fact(route.model.read(route.unwrap(answer, Resource(self.kind, "2000016796107000"))), "acme")

    def inner(self, answer: Any) -> Any:
        """The resource itself, without what is wrapped around it."""
        return answer["collection"] if self is PAYMENT else answer["messages"][0] if self is MESSAGE else answer


ORDER = Case("order__paid", Kind.ORDER, translate.order_changed)
SHIPMENT = Case("shipment__ready_to_ship", Kind.SHIPMENT, translate.shipment_changed)
QUESTION = Case("question__answered", Kind.QUESTION, translate.question_changed)
PAYMENT = Case("payment__approved", Kind.PAYMENT, translate.payment_changed)
ITEM = Case("item__active", Kind.ITEM, translate.listing_changed)
MESSAGE = Case("message__read", Kind.MESSAGE, translate_after_sale.message_changed)
CLAIM = Case("claim__opened", Kind.CLAIM, translate_after_sale.claim_changed)
FEEDBACK = Case("feedback__both", Kind.FEEDBACK, translate_after_sale.feedback_changed)
INVOICE = Case("invoice__authorized", Kind.INVOICE, translate_after_sale.invoice_changed)
CASES = [ORDER, SHIPMENT, QUESTION, PAYMENT, ITEM, MESSAGE, CLAIM, FEEDBACK, INVOICE]

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
Path_ = tuple[str | int, ...]


def leaves(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path, value


def places(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Every path in a JSON value, containers included."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield from places(item, (*path, name))


def at(value: Any, path: Path_) -> Any:
    for step in path:
        value = value[step]
    return value


def test_an_order():
    order = ORDER.translate(ORDER.answer())
    assert order.key() == "mercadolibre:2000016796107000"
    assert order.account == "acme"
    assert order.status is OrderStatus.PAID
    assert order.marketplace_status == "paid"
    assert order.placed_at == datetime(2026, 6, 5, 21, 35, 40, tzinfo=UTC)
    assert order.updated_at == datetime(2026, 6, 5, 21, 44, tzinfo=UTC)
    assert order.total == Money(amount=Decimal("1500.00"), currency="BRL")
    assert str(order.total.amount) == "1500.00"
    (line,) = order.lines
    assert (line.item_id, line.quantity, line.sku) == ("MLB4739200000", 1, "DD1391-100-42")
    assert line.sale_fee == Money(amount=Decimal("165.00"), currency="BRL")
    assert (order.buyer.id, order.buyer.first_name) == ("34512", "Ana")
    assert order.payment_ids == ["162718340000"]
    assert order.shipment_id is None
    assert order.tags == ["no_shipping", "paid", "not_delivered", "test_order"]
    assert order.raw["seller"] == {"id": "34308"}
    assert order.raw["payments"][0]["status_detail"] == "accredited"
    assert order.raw["order_items"][0]["gross_price"] == "1500.00"
    assert order.raw["fulfilled"] is None
    assert "total_amount" not in order.raw


def test_a_shipment():
    shipment = SHIPMENT.translate(SHIPMENT.answer())
    assert shipment.shipment_id == "43210001234"
    assert shipment.status is ShipmentStatus.READY_TO_SHIP
    assert shipment.cost == Money(amount=Decimal("23.45"), currency="BRL")
    assert shipment.service == "Normal"
    assert shipment.carrier == "MEL Distribution"
    assert shipment.estimated_delivery_at == datetime(2026, 6, 11, 3, tzinfo=UTC)
    assert shipment.destination.postal_code == "20000000"
    assert shipment.destination.country == "Brasil"
    assert shipment.raw["destination"]["shipping_address"]["latitude"] == "-22.9"


def test_a_question():
    question = QUESTION.translate(QUESTION.answer())
    assert question.status is QuestionStatus.ANSWERED
    assert question.asked_at == datetime(2026, 6, 5, 15, 20, 1, 123456, tzinfo=UTC)
    assert question.answer_text == "Sim, temos."
    assert question.buyer_id == "34512"


def test_a_question_of_the_search_form_names_its_buyer_in_from():
    answer = QUESTION.answer()
    answer["from"] = {"id": answer.pop("buyer_id"), "phone": {"number": "1"}}
    question = QUESTION.translate(answer)
    assert question.buyer_id == "34512"
    assert question.raw["from"] == {"id": "34512", "phone": {"number": "1"}}


def test_a_payment_wrapped_or_not():
    wrapped = PAYMENT.translate(PAYMENT.answer())
    assert wrapped.status is PaymentStatus.APPROVED
    assert wrapped.order_id == "2000016796107000"
    assert wrapped.payer_id == "34512"
    assert wrapped.fee == Money(amount=Decimal("165.00"), currency="BRL")
    assert wrapped.refunded == Money(amount=Decimal(0), currency="BRL")
    assert wrapped.updated_at == datetime(2026, 6, 5, 21, 43, 59, tzinfo=UTC)
    assert PAYMENT.translate(PAYMENT.answer()["collection"]) == wrapped


def test_an_item():
    listing = ITEM.translate(ITEM.answer())
    assert listing.status is ListingStatus.ACTIVE
    assert listing.price == Money(amount=Decimal("1500.50"), currency="BRL")
    assert listing.sku == "DD1391-100-42"
    assert listing.attributes == {"BRAND": "Nike", "SELLER_SKU": "DD1391-100-42"}
    assert listing.raw["attributes"][2]["id"] == "GTIN"
    assert listing.quantity_available == 2


def test_a_message_in_the_envelope_of_its_conversation():
    message = MESSAGE.translate(MESSAGE.answer())
    assert (message.status, message.marketplace_status) == (MessageStatus.READ, "available")
    assert (message.direction, message.thread_id) == (Direction.INCOMING, "2000000089077943")
    assert (message.text, message.attachments) == ("Quando sai?", ["34512_ba20cdf4.png"])
    assert message.updated_at == message.read_at == datetime(2026, 2, 5, 20, 30, tzinfo=UTC)
    assert message.raw["conversation_status"]["path"] == "/packs/2000000089077943/sellers/34308"


def test_an_unread_message_of_the_seller_alone_in_its_answer():
    answer = MESSAGE.inner(MESSAGE.answer())
    answer["message_date"]["read"] = None
    answer["from"], answer["to"] = answer["to"], answer["from"]
    message = MESSAGE.translate(answer)
    assert (message.status, message.direction) == (MessageStatus.UNREAD, Direction.OUTGOING)
    answer["status"] = "moderated"
    answer["text"] = None
    assert (MESSAGE.translate(answer).status, MESSAGE.translate(answer).text) == (MessageStatus.BLOCKED, "")


def test_a_claim():
    claim = CLAIM.translate(CLAIM.answer())
    assert (claim.status, claim.stage, claim.reason_id) == (ClaimStatus.OPEN, "claim", "PDD9549")
    assert (claim.about, claim.order_id, claim.buyer_id) == ("order", "2000016796107000", "34512")
    assert claim.seller_actions == ["refund", "send_message_to_complainant", "allow_return"]
    assert claim.due_at == datetime(2026, 6, 10, 21, tzinfo=UTC)
    assert claim.resolution.benefited == ["complainant"]


def test_a_claim_about_a_shipment_names_no_order_and_older_actions_are_words():
    answer = CLAIM.answer() | {"resource": "shipment", "resolution": None}
    answer["players"][1]["available_actions"] = ["refund"]
    claim = CLAIM.translate(answer)
    assert (claim.order_id, claim.about_id, claim.resolution) == (None, "2000016796107000", None)
    assert (claim.seller_actions, claim.due_at) == (["refund"], None)


def test_feedback_of_both_sides():
    feedback = FEEDBACK.translate(FEEDBACK.answer())
    assert feedback.key() == "mercadolibre:2000016796107000"
    assert (feedback.status, feedback.by_seller.rating) == (Rating.NEGATIVE, Rating.POSITIVE)
    assert feedback.by_buyer.comment == "diz o buyer"
    assert feedback.updated_at == datetime(2026, 6, 10, 14, tzinfo=UTC)


def test_feedback_of_the_seller_alone_is_no_rating():
    feedback = FEEDBACK.translate(FEEDBACK.answer() | {"purchase": None})
    assert (feedback.status, feedback.marketplace_status, feedback.by_buyer) == (Rating.NONE, "none", None)


def test_feedback_that_nobody_gave_is_none():
    assert ROUTES[Kind.FEEDBACK].unwrap({"sale": None, "purchase": None}, Resource(Kind.FEEDBACK, "1")) is None


def test_an_invoice():
    invoice = INVOICE.translate(INVOICE.answer())
    assert (invoice.status, invoice.series, invoice.number) == (InvoiceStatus.AUTHORIZED, "2", "11734")
    assert invoice.amount == Money(amount=Decimal("1500.00"), currency="BRL")
    assert invoice.order_ids == ["2000016796107000"]
    assert invoice.document_path == "/users/34308/invoices/documents/xml/1377978/authorized"
    assert invoice.updated_at == datetime(2026, 6, 5, 21, 0, 9, tzinfo=UTC)
    assert invoice.raw["recipient"]["name"] == "Ana Souza"


@pytest.mark.parametrize(
    ("case", "unknown"),
    [
        (ORDER, OrderStatus.UNKNOWN),
        (SHIPMENT, ShipmentStatus.UNKNOWN),
        (QUESTION, QuestionStatus.UNKNOWN),
        (PAYMENT, PaymentStatus.UNKNOWN),
        (ITEM, ListingStatus.UNKNOWN),
        (MESSAGE, MessageStatus.UNKNOWN),
        (CLAIM, ClaimStatus.UNKNOWN),
        (INVOICE, InvoiceStatus.UNKNOWN),
    ],
)
def test_a_word_that_we_do_not_know_is_unknown_and_kept(case, unknown):
    answer = case.answer()
    case.inner(answer)["status"] = "partially_refunded"
    fact = case.translate(answer)
    assert fact.status is unknown
    assert fact.marketplace_status == "partially_refunded"


@pytest.mark.parametrize("case", [case for case in CASES if case is not FEEDBACK], ids=lambda case: case.file)
def test_a_number_or_a_string_is_the_same_id(case):
    answer = case.answer()
    inner = case.inner(answer)
    inner["id"] = str(inner["id"])
    assert case.translate(answer).key() == case.translate(case.answer()).key()


def marked(value: Any, number: int) -> Any:
    """A value of the same kind that stands nowhere else."""
    match value:
        case bool() | None:
            return None
        case int():
            return 987_000_000 + number
        case Decimal():
            return Decimal(f"{770_000 + number}.125")
        case str() if len(value) > 18 and value[4] == "-" and "T" in value:
            return (datetime(2031, 1, 1, tzinfo=UTC) + timedelta(seconds=number, microseconds=123456)).isoformat()
        case _:
            return f"marker{number}z"


def crowded(case: Case) -> Any:
    """An answer that tells the same thing under every name that MercadoLibre has had for it."""
    answer = case.answer()
    if case is PAYMENT:
        answer["collection"] |= {
            "payer_id": 34512,
            "collector_id": 34308,
            "payment_type_id": "credit_card",
            "transaction_amount_refunded": Decimal("0.50"),
            "date_last_modified": "2026-06-05T17:43:59.000-04:00",
            "date_last_updated": "2026-06-05T17:43:59.000-04:00",
        }
        answer["beside"] = "the wrapper"
    if case is QUESTION:
        answer["from"] = {"id": 34512, "phone": {"number": "555"}}
    if case is ITEM:
        answer |= {"seller_custom_field": "old-sku", "warranty": "none"}
    if case is ORDER:
        answer["order_items"][0]["item"] |= {"seller_custom_field": "old-sku", "variation_id": 7}
        answer |= {"pack_id": 2000000000000001, "shipping": {"id": 43210001234, "mode": "me2"}}
    if case is SHIPMENT:
        answer |= {"order_id": 2000016796107000}
    return answer


@each_case
def test_every_single_value_of_an_answer_is_in_its_fact(case):
    """Change one value after the other: each change must show in the fact, or make the answer malformed."""
    checked = 0
    for number, (path, value) in enumerate(leaves(crowded(case))):
        mark = marked(value, number)
        if mark is None:
            continue
        answer = crowded(case)
        at(answer, path[:-1])[path[-1]] = mark
        try:
            told = json.loads(case.translate(answer).encode())
        except Malformed:
            continue
        texts = {str(leaf) for _, leaf in leaves(told)} | {str(name) for place in places(told) for name in place}
        wanted = {str(mark)}
        if isinstance(mark, str):
            wanted |= {mark.replace("+00:00", "Z")}
        assert texts & wanted, f"{path} is lost"
        checked += 1
    assert checked > 10


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**40), max_value=10**40)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.sampled_from(
        ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z", "2026-06-05", "1780000000"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def broken_answers(draw: st.DrawFn) -> tuple[Case, Any]:
    """A real answer of which some places are missing or hold anything at all."""
    case = draw(st.sampled_from(CASES))
    answer = copy.deepcopy(case.answer())
    for _ in range(draw(st.integers(min_value=1, max_value=4))):
        path = draw(st.sampled_from(sorted(places(answer), key=repr)))
        if not path:
            if draw(st.integers(0, 20)) == 0:
                return case, draw(JSON)
            continue
        parent = at(answer, path[:-1])
        if draw(st.booleans()):
            del parent[path[-1]]
        else:
            parent[path[-1]] = draw(JSON)
    return case, answer


@given(broken_answers())
@example((ORDER, {**ORDER.answer(), "date_created": "0001-01-01T00:00:00+14:00"}))
@example((ORDER, {**ORDER.answer(), "date_created": 1780000000}))
@example((ORDER, {**ORDER.answer(), "total_amount": Decimal("1e999999")}))
@example((ORDER, {**ORDER.answer(), "total_amount": True}))
@example((ORDER, {**ORDER.answer(), "fulfilled": Decimal("1e999999")}))
@example((ORDER, {**ORDER.answer(), "tags": ["\ud800\x00"]}))
@example((ORDER, {**ORDER.answer(), "\ud800": "\udfff"}))
@example((ITEM, {**ITEM.answer(), "owner": "x", "model_config": {}, "raw": 1}))
def test_a_broken_answer_is_a_valid_fact_or_malformed(broken):
    case, answer = broken
    with suppress(Malformed):  # anything else would be raised
        fact = case.translate(answer)
        assert type(fact).model_validate_json(fact.encode()) == fact
        assert fact.key().isprintable()
        assert "\x00" not in json.loads(json.dumps(fact.encode().decode()))


@given(data=st.data(), case=st.sampled_from(CASES), value=JSON)
def test_an_unknown_field_is_kept_wherever_it_stands(data, case, value):
    answer = case.answer()
    objects = [path for path in places(answer) if isinstance(at(answer, path), dict)]
    at(answer, data.draw(st.sampled_from(sorted(objects, key=repr))))["brand_new_field"] = value
    raw = case.translate(answer).raw
    assert any("brand_new_field" in place for place in places(raw))


@each_case
def test_the_same_state_has_the_same_id(case):
    first, again = case.translate(case.answer()), case.translate(case.answer())
    assert state_id(first, first.updated_at) == state_id(again, again.updated_at)
    turned = dict(reversed(case.answer().items()))
    other_order = case.translate(turned)
    assert state_id(other_order, other_order.updated_at) == state_id(first, first.updated_at)
    changed = first.model_copy(update={"marketplace_status": "other"})
    assert state_id(changed, changed.updated_at) != state_id(first, first.updated_at)


def test_a_malformed_answer_is_described_without_its_values():
    answer = ORDER.answer()
    answer["buyer"] = {"first_name": "Ana", "last_name": "Souza"}
    answer["total_amount"] = "Souza"
    with pytest.raises(Malformed) as raised:
        ORDER.translate(answer)
    assert "buyer.id" in str(raised.value)
    assert "total_amount" in str(raised.value)
    assert "Souza" not in str(raised.value)


def test_an_answer_that_is_nested_without_end_is_malformed():
    deep: Any = "bottom"
    for _ in range(MAX_DEPTH + 1):
        deep = [deep]
    with pytest.raises(Malformed, match="levels deep"):
        ORDER.translate({**ORDER.answer(), "tags": deep})
