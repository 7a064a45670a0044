"""Facts for tests: small, readable, and complete enough for every read model."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from schemas.claims.claim_changed import ClaimChangedV1, ClaimStatus
from schemas.entities import ENTITIES
from schemas.entity import Entity
from schemas.entity_documents import example_fact
from schemas.event import Fact
from schemas.feedback.feedback_changed import FeedbackChangedV1, Opinion, Rating
from schemas.inventory.inventory_changed import Condition, InventoryChangedV1, InventoryStatus, OfferSummary
from schemas.invoices.invoice_changed import InvoiceChangedV1, InvoiceStatus
from schemas.item_scores.item_scored import ItemScoredV1, ScoreComponent
from schemas.items.item_changed import ItemChangedV1, ItemSeller
from schemas.listing_operations.listing_operation_changed import (
    Initiator,
    ListingOperationChangedV1,
    OperationKind,
    OperationStatus,
)
from schemas.listings.listing_changed import ListingChangedV1, ListingStatus
from schemas.market_data.market_data_recorded import MarketDataRecordedV1
from schemas.messages.message_changed import Direction, MessageChangedV1, MessageStatus
from schemas.offers.offer_changed import OfferChangedV1
from schemas.orders.order_changed import Buyer, OrderChangedV1, OrderChangedV2, OrderLine, OrderStatus
from schemas.payments.payment_changed import PaymentChangedV1, PaymentStatus
from schemas.products.product_changed import ProductChangedV1, StockXStatus
from schemas.questions.question_changed import QuestionChangedV1, QuestionStatus
from schemas.recorded_sales.recorded_sale_changed import RecordedSaleChangedV1
from schemas.search_runs.search_run_changed import SearchResult, SearchRunChangedV1, SearchRunStatus
from schemas.shipments.shipment_changed import Destination, ShipmentChangedV1, ShipmentStatus
from schemas.stock_items.stock_item_changed import StockItemChangedV1
from schemas.values import Money

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOURCE = {"marketplace": "mercadolibre", "account": "acme", "raw": {}}


def at(minute: float) -> datetime:
    """Minutes after the beginning of every test's day."""
    return NOON + timedelta(minutes=minute)


def brl(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="BRL")


def order(
    number: int | str, minute: float = 0, status: OrderStatus = OrderStatus.PLACED, title: str = "Tênis 42"
) -> OrderChangedV2:
    return OrderChangedV2(
        **SOURCE,
        order_id=str(number),
        status=status,
        marketplace_status=f"ml_{status}",
        placed_at=NOON,
        updated_at=at(minute),
        total=brl("1500.00"),
        lines=[OrderLine(item_id="MLB1", title=title, quantity=2, unit_price=brl("750.00"))],
        buyer=Buyer(id="9", nickname="COMPRADOR"),
        payment_ids=["71"],
        shipment_id="81",
        tags=["paid"],
    )


def order_v1(number: int, minute: float = 0) -> OrderChangedV1:
    return OrderChangedV1(
        **SOURCE,
        order_id=str(number),
        status=OrderStatus.PAID,
        marketplace_status="paid",
        placed_at=NOON,
        updated_at=at(minute),
        total=Decimal("10.50"),
        currency="BRL",
        lines=[],
        buyer_id="9",
        buyer_nickname="VIEJO",
    )


def shipment(
    number: int, minute: float = 0, status: ShipmentStatus = ShipmentStatus.PENDING, carrier: str = "Correios"
) -> ShipmentChangedV1:
    return ShipmentChangedV1(
        **SOURCE,
        shipment_id=str(number),
        order_ids=["1", "2"],
        status=status,
        marketplace_status=f"ml_{status}",
        carrier=carrier,
        cost=brl("12.90"),
        destination=Destination(receiver_name="Ana", city="Recife", country="BR"),
        created_at=NOON,
        updated_at=at(minute),
    )


def payment(
    number: int, minute: float = 0, status: PaymentStatus = PaymentStatus.PENDING, method: str = "pix"
) -> PaymentChangedV1:
    return PaymentChangedV1(
        **SOURCE,
        payment_id=str(number),
        order_id="1",
        status=status,
        marketplace_status=f"ml_{status}",
        method=method,
        installments=3,
        amount=brl("1500.00"),
        fee=brl("150.01"),
        created_at=NOON,
        updated_at=at(minute),
    )


def question(
    number: int, minute: float = 0, status: QuestionStatus = QuestionStatus.OPEN, text: str = "Tem 42?"
) -> QuestionChangedV1:
    return QuestionChangedV1(
        **SOURCE,
        question_id=str(number),
        listing_id="MLB1",
        status=status,
        marketplace_status=f"ml_{status}",
        text=text,
        asked_at=NOON,
        updated_at=at(minute),
    )


def listing(
    number: int, minute: float = 0, status: ListingStatus = ListingStatus.ACTIVE, title: str = "Tênis"
) -> ListingChangedV1:
    return ListingChangedV1(
        **SOURCE,
        listing_id=str(number),
        title=title,
        status=status,
        marketplace_status=f"ml_{status}",
        price=brl("750.00"),
        quantity_available=4,
        attributes={"SIZE": "42"},
        updated_at=at(minute),
    )


def stock(
    number: int, minute: float = 0, quantity: int = 3, offers: tuple[str, ...] = ("PUBLISHED",)
) -> InventoryChangedV1:
    return InventoryChangedV1(
        **SOURCE,
        user_id="7",
        sku=str(number),
        title="Tênis",
        condition=Condition.USED_GOOD,
        marketplace_condition="USED_GOOD",
        part_number="DD1391-100",
        price=brl("750.0"),
        quantity=quantity,
        photo_count=2,
        status=InventoryStatus.ACTIVE if "PUBLISHED" in offers else InventoryStatus.UNKNOWN,
        offers=[OfferSummary(offer_id=f"58{n}", marketplace_status=status) for n, status in enumerate(offers)],
        updated_at=at(minute),
    )


def offer(number: int, minute: float = 0, status: str = "PUBLISHED") -> OfferChangedV1:
    return OfferChangedV1(
        **SOURCE,
        user_id="7",
        offer_id=str(number),
        sku="1",
        site="EBAY_BR",
        format="FIXED_PRICE",
        marketplace_status=status,
        listing_id="1101",
        price=brl("750.0"),
        quantity_available=3,
        updated_at=at(minute),
    )


def buyers_message(
    number: int, minute: float = 0, status: MessageStatus = MessageStatus.UNREAD, text: str = "Quando sai?"
) -> MessageChangedV1:
    return MessageChangedV1(
        **SOURCE,
        message_id=str(number),
        thread_id="2000",
        direction=Direction.INCOMING,
        sender_id="9",
        recipient_id="7",
        status=status,
        marketplace_status=f"ml_{status}",
        text=text,
        attachments=["a.png"],
        sent_at=NOON,
        updated_at=at(minute),
    )


def claim(
    number: int, minute: float = 0, status: ClaimStatus = ClaimStatus.OPEN, stage: str = "claim"
) -> ClaimChangedV1:
    return ClaimChangedV1(
        **SOURCE,
        claim_id=str(number),
        about="order",
        about_id="1",
        order_id="1",
        status=status,
        marketplace_status=f"ml_{status}",
        stage=stage,
        due_at=at(60),
        opened_at=NOON,
        updated_at=at(minute),
    )


def feedback(
    number: int, minute: float = 0, status: Rating = Rating.POSITIVE, comment: str = "Tudo certo"
) -> FeedbackChangedV1:
    return FeedbackChangedV1(
        **SOURCE,
        order_id=str(number),
        status=status,
        marketplace_status=f"ml_{status}",
        by_buyer=Opinion(feedback_id="904", rating=status, fulfilled=True, comment=comment, given_at=NOON),
        updated_at=at(minute),
    )


def invoice(
    number: int, minute: float = 0, status: InvoiceStatus = InvoiceStatus.PROCESSING, series: str = "2"
) -> InvoiceChangedV1:
    return InvoiceChangedV1(
        **SOURCE,
        invoice_id=str(number),
        order_ids=["1"],
        status=status,
        marketplace_status=f"ml_{status}",
        series=series,
        amount=brl("1500.00"),
        issued_at=NOON,
        updated_at=at(minute),
    )


def listing_operation(
    number: int, minute: float = 0, status: OperationStatus = OperationStatus.STARTED, variant: str = "42"
) -> ListingOperationChangedV1:
    return ListingOperationChangedV1(
        **SOURCE,
        id=str(number),
        status=status,
        marketplace_status=f"ml_{status}",
        kind=OperationKind.CREATE,
        marketplace_kind="CREATE",
        initiated_by=Initiator.COMMAND,
        variant_id=variant,
        price=brl("750.00"),
        started_at=NOON,
        updated_at=at(minute),
    )


def search_run(
    number: int, minute: float = 0, status: SearchRunStatus = SearchRunStatus.SUCCEEDED
) -> SearchRunChangedV1:
    return SearchRunChangedV1(
        marketplace="mercadolibre",
        search_run_id=number,
        site_id="MLM",
        query_text="iphone 15",
        filters={"offset": 0, "limit": 50},
        status=status,
        http_status=200,
        started_at=NOON,
        finished_at=NOON,
        results=[SearchResult(item_id="MLM1", price=Decimal("25999"), seller_id=9, raw={"id": "MLM1"})],
        updated_at=at(minute),
    )


def item(number: int | str, minute: float = 0, title: str = "Tênis") -> ItemChangedV1:
    return ItemChangedV1(
        marketplace="mercadolibre",
        item_id=f"MLM{number}",
        site_id="MLM",
        title=title,
        status="active",
        price=Money(amount=Decimal("25999"), currency="MXN"),
        condition="new",
        category_id="MLM1055",
        seller=ItemSeller(id="9", reputation_level="5_green", ratings_positive=Decimal("0.98")),
        quantity_available=50,
        quantity_sold=17,
        free_shipping=True,
        pictures_count=3,
        attributes={"BRAND": "Apple"},
        updated_at=at(minute),
        source="search",
    )


def item_score(number: int | str, minute: float = 0, score: str = "71.5") -> ItemScoredV1:
    weight = ScoreComponent(
        name="price", value=Decimal("0.8"), weight=Decimal("0.35"), points=Decimal(28), reason="low"
    )
    return ItemScoredV1(
        marketplace="mercadolibre",
        item_id=f"MLM{number}",
        score=Decimal(score),
        coverage=Decimal("0.35"),
        scoring="tests-v1",
        components=[weight],
        features_event_id="e",
        updated_at=at(minute),
    )


def product(number: int | str, minute: float = 0, title: str = "Reptossage Slides") -> ProductChangedV1:
    return ProductChangedV1(
        product_id=f"HQ{number}",
        sku=f"HQ-{number}",
        title=title,
        retail_price=Money(amount=Decimal("55.00"), currency="USD"),
        release_date=NOON.date(),
        sources=["csv"],
        stockx_status=StockXStatus.ON_STOCKX,
        stockx_product_id="fa671f11",
        stockx_similarity=Decimal(1),
        stockx_searched_at=at(minute),
        updated_at=at(minute),
    )


def stock_item(number: int | str, minute: float = 0, quantity: int = 2, size: str = "10.5") -> StockItemChangedV1:
    return StockItemChangedV1(
        user_id="7",
        sku=f"DD1391-{number}",
        told_sku=f"dd1391 {number}",
        size=size,
        condition=Condition.NEW,
        title="Dunk",
        quantity=quantity,
        cost=Money(amount=Decimal("89.90"), currency="USD"),
        acquired_at=NOON,
        stockx_product_id="5e6a1e57",
        import_id="i1",
        updated_at=at(minute),
    )


def market(
    number: int | str, minute: float = 0, ask: str | None = "150", platform: str = "stockx", size: str = "10.5"
) -> MarketDataRecordedV1:
    return MarketDataRecordedV1(
        platform=platform,
        sku=f"DD1391-{number}",
        size=size,
        product_id="5e6a1e57",
        lowest_ask=None if ask is None else Money(amount=Decimal(ask), currency="USD"),
        highest_bid=Money(amount=Decimal(121), currency="USD"),
        sales=1,
        updated_at=at(minute),
    )


def recorded_sale(number: int | str, minute: float = 0, *, withdrawn: bool = False) -> RecordedSaleChangedV1:
    return RecordedSaleChangedV1(
        source="notion",
        source_id=str(number),
        user_id="7",
        marketplace="stockx",
        order_number=f"5547-{number}",
        sku="HQ4276",
        size="8.5",
        product_id="fa671f11",
        price=Money(amount=Decimal(60), currency="USD"),
        sold_at=NOON,
        withdrawn=withdrawn,
        updated_at=at(minute),
    )


def entity(which: Entity, number: int, minute: float = 0) -> Fact:
    """An entity of the catalogue, as its document shows it."""
    return example_fact(which, number).model_copy(update={"updated_at": at(minute)})


FACTS: dict[str, Callable[..., Fact]] = {
    "orders": order,
    "shipments": shipment,
    "payments": payment,
    "questions": question,
    "listings": listing,
    "listing_operations": listing_operation,
    "inventory": stock,
    "offers": offer,
    "messages": buyers_message,
    "claims": claim,
    "feedback": feedback,
    "invoices": invoice,
    "search_runs": search_run,
    "items": item,
    "item_scores": item_score,
    "stock_items": stock_item,
    "market_data": market,
    "recorded_sales": recorded_sale,
    "products": product,
    **{each.topic: partial(entity, each) for each in ENTITIES},
}
"""By read model: its fact under a number, at a minute."""


async def publish(publisher: Publisher, *facts: Fact) -> None:
    """Publish facts one after the other; their ids are random, as those of a producer."""
    for fact in facts:
        await publisher.publish(Outgoing(fact))
