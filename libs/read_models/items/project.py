"""items: one row per item on sale at a marketplace, with its features."""

from datetime import datetime
from decimal import Decimal

from libs.projection.model import Position, ReadModel, Row
from libs.read_models.commanded import is_later
from libs.read_models.history import int8, row_columns
from schemas.items.item_changed import ItemChangedV1, ItemSeller


class ItemRow(Row, frozen=True, kw_only=True):
    marketplace: str
    item_id: str
    site_id: str | None
    title: str
    subtitle: str | None
    status: str | None
    price: Decimal | None
    base_price: Decimal | None
    original_price: Decimal | None
    currency_id: str | None
    condition: str | None
    listing_type_id: str | None
    category_id: str | None
    domain_id: str | None
    product_id: str | None
    seller_id: str | None
    seller_nickname: str | None
    reputation_level: str | None
    power_seller_status: str | None
    transactions_total: int | None
    transactions_completed: int | None
    ratings_positive: Decimal | None
    available_quantity: int | None
    sold_quantity: int | None
    free_shipping: bool | None
    shipping_mode: str | None
    logistic_type: str | None
    accepts_mercadopago: bool | None
    pictures_count: int
    attributes: dict[str, str]
    attributes_missing: int
    permalink: str | None
    thumbnail: str | None
    created_at: datetime | None
    changed_at: datetime | None
    source: str


def evolve(row: ItemRow | None, fact: ItemChangedV1, position: Position) -> ItemRow | None:
    """The row after a fact: the fact's own state, if it is later and valid."""
    if not is_later(row, fact, position):
        return row
    seller = fact.seller or ItemSeller()
    return ItemRow(
        *row_columns(fact, position),
        marketplace=fact.marketplace,
        item_id=fact.item_id,
        site_id=fact.site_id,
        title=fact.title,
        subtitle=fact.subtitle,
        status=fact.status,
        price=None if fact.price is None else fact.price.amount,
        base_price=fact.base_price,
        original_price=fact.original_price,
        currency_id=None if fact.price is None else fact.price.currency,
        condition=fact.condition,
        listing_type_id=fact.listing_type_id,
        category_id=fact.category_id,
        domain_id=fact.domain_id,
        product_id=fact.product_id,
        seller_id=seller.id,
        seller_nickname=seller.nickname,
        reputation_level=seller.reputation_level,
        power_seller_status=seller.power_seller_status,
        transactions_total=int8(seller.transactions_total, "transactions_total"),
        transactions_completed=int8(seller.transactions_completed, "transactions_completed"),
        ratings_positive=seller.ratings_positive,
        available_quantity=int8(fact.quantity_available, "quantity_available"),
        sold_quantity=int8(fact.quantity_sold, "quantity_sold"),
        free_shipping=fact.free_shipping,
        shipping_mode=fact.shipping_mode,
        logistic_type=fact.logistic_type,
        accepts_mercadopago=fact.accepts_mercadopago,
        pictures_count=int8(fact.pictures_count, "pictures_count") or 0,
        attributes=dict(fact.attributes),
        attributes_missing=int8(fact.attributes_missing, "attributes_missing") or 0,
        permalink=fact.url,
        thumbnail=fact.thumbnail,
        created_at=fact.created_at,
        changed_at=fact.changed_at,
        source=fact.source,
    )


READ_MODEL = ReadModel("items", version=1, fact=ItemChangedV1, row=ItemRow, evolve=evolve)
