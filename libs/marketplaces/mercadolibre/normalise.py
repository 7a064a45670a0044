"""Search results and items, normalised into our facts: pure functions. Each raises Malformed."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from libs.marketplaces.mercadolibre.payloads_search import FoundItem, PublicItem, PublicUser
from libs.marketplaces.mercadolibre.search import Found, SearchQuery
from libs.marketplaces.payload import Malformed, as_json, leftover
from schemas.items.item_changed import ItemChangedV1, ItemSeller
from schemas.registry import summary
from schemas.search_runs.search_run_changed import SearchResult, SearchRunChangedV1, SearchRunStatus
from schemas.values import Json, Money

MARKETPLACE = "mercadolibre"

_INT8 = 2**63


def search_run(
    number: int, query: SearchQuery, found: Found, started_at: datetime, finished_at: datetime
) -> SearchRunChangedV1:
    """A search that succeeded."""
    try:
        return SearchRunChangedV1(
            **_asked(number, query, started_at, finished_at),
            status=SearchRunStatus.SUCCEEDED,
            http_status=found.status,
            results=[search_result(item) for item in found.items],
            raw=bounded_numbers(found.rest),
        )
    except ValidationError as error:
        raise Malformed(f"search_run: {summary(error)}") from None


def failed_run(
    number: int, query: SearchQuery, status: int, error: Json, started_at: datetime, finished_at: datetime
) -> SearchRunChangedV1:
    """A search that failed. `status`: 0 where there was no answer."""
    return SearchRunChangedV1(
        **_asked(number, query, started_at, finished_at),
        status=SearchRunStatus.FAILED,
        http_status=status,
        error=bounded_numbers(error),
    )


def search_result(item: FoundItem) -> SearchResult:
    """What the search told of one item; `raw` is all of it."""
    seller = item.seller
    return SearchResult(
        item_id=item.id,
        site_id=item.site_id,
        title=item.title,
        subtitle=item.subtitle,
        price=item.price,
        base_price=item.base_price if item.base_price is not None else item.original_price,
        currency_id=item.currency_id,
        condition=item.condition,
        listing_type_id=item.listing_type_id,
        category_id=item.category_id,
        domain_id=item.domain_id,
        permalink=item.permalink,
        thumbnail=item.thumbnail,
        seller_id=_number(seller.id) if seller and seller.id else None,
        seller_nickname=seller.nickname if seller else None,
        accepts_mercadopago=item.accepts_mercadopago,
        pictures_count=len(item.pictures) if "pictures" in item.model_fields_set else None,
        raw=bounded_numbers(as_json(item)),
    )


def item_changed(item: PublicItem, seller: PublicUser | None, source: str, looked_at: datetime) -> ItemChangedV1:
    """An item's features."""
    told: dict[str, str] = {}
    missing = 0
    for attribute in item.attributes:
        name, value = attribute.get("id"), attribute.get("value_name")
        if isinstance(name, str) and isinstance(value, str) and value:
            told[name] = value
        elif isinstance(name, str):
            missing += 1
    priced = item.price is not None and item.currency_id is not None
    shipping = item.shipping
    try:
        return ItemChangedV1(
            marketplace=MARKETPLACE,
            item_id=item.id,
            site_id=item.site_id,
            title=item.title or "",
            subtitle=item.subtitle,
            status=item.status,
            price=Money(amount=item.price, currency=item.currency_id) if priced else None,
            base_price=item.base_price,
            original_price=item.original_price,
            condition=item.condition,
            listing_type_id=item.listing_type_id,
            category_id=item.category_id,
            domain_id=item.domain_id,
            product_id=item.catalog_product_id,
            seller=_seller(item.seller_id, seller),
            quantity_available=item.available_quantity,
            quantity_sold=item.sold_quantity,
            free_shipping=shipping.free_shipping if shipping else None,
            shipping_mode=shipping.mode if shipping else None,
            logistic_type=shipping.logistic_type if shipping else None,
            accepts_mercadopago=item.accepts_mercadopago,
            pictures_count=len(item.pictures),
            attributes=told,
            attributes_missing=missing,
            url=item.permalink,
            thumbnail=item.thumbnail,
            created_at=item.date_created,
            changed_at=item.last_updated,
            source=source,
            updated_at=looked_at,
            raw=bounded_numbers(leftover(item)),
        )
    except ValidationError as error:
        raise Malformed(f"item_changed: {summary(error)}") from None


def bounded_numbers(value: Json) -> Json:
    """The same JSON, with whole numbers beyond 64 bits as texts: not every reader has larger ones."""
    return {name: _bounded(inner) for name, inner in value.items()}


def _bounded(value: Any) -> Any:
    if isinstance(value, dict):
        return bounded_numbers(value)
    if isinstance(value, list):
        return [_bounded(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool) and not -_INT8 <= value < _INT8:
        return str(value)
    return value


def _asked(number: int, query: SearchQuery, started_at: datetime, finished_at: datetime) -> dict[str, Any]:
    return {
        "marketplace": MARKETPLACE,
        "search_run_id": number,
        "site_id": query.site_id,
        "query_text": query.query_text,
        "domain_id": query.domain_id,
        "category_id": query.category_id,
        "filters": bounded_numbers(query.filters_json.model_dump(mode="json")),
        "started_at": started_at,
        "finished_at": finished_at,
        "updated_at": finished_at,
    }


def _seller(seller_id: str | None, told: PublicUser | None) -> ItemSeller | None:
    if seller_id is None:
        return None
    reputation = told.seller_reputation if told else None
    transactions = reputation.transactions if reputation else None
    positive = transactions.ratings.positive if transactions and transactions.ratings else None
    return ItemSeller(
        id=seller_id,
        nickname=told.nickname if told else None,
        reputation_level=reputation.level_id if reputation else None,
        power_seller_status=reputation.power_seller_status if reputation else None,
        transactions_total=transactions.total if transactions else None,
        transactions_completed=transactions.completed if transactions else None,
        ratings_positive=None if positive is None else Decimal(positive),
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None
