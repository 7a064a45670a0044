"""search_runs: one row per search run, with its results."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from libs.projection.model import Position, ReadModel, Refused, Row
from libs.read_models.commanded import is_later
from libs.read_models.history import int8, row_columns
from schemas.search_runs.search_run_changed import SearchResult, SearchRunChangedV1

_INT4 = 2**31


class Result(msgspec.Struct, frozen=True):
    """An item that the search found, with the documented names."""

    item_id: str
    site_id: str | None
    title: str | None
    subtitle: str | None
    price: Decimal | None
    base_price: Decimal | None
    currency_id: str | None
    condition: str | None
    listing_type_id: str | None
    category_id: str | None
    domain_id: str | None
    permalink: str | None
    thumbnail: str | None
    seller_id: int | None
    seller_nickname: str | None
    accepts_mercadopago: bool | None
    pictures_count: int | None
    raw_json: dict[str, Any] | None


class SearchRunRow(Row, frozen=True, kw_only=True):
    marketplace: str
    search_run_id: int
    site_id: str
    query_text: str
    domain_id: str | None
    category_id: str | None
    filters_json: dict[str, Any] | None
    status: str
    http_status: int
    error_json: dict[str, Any] | None
    started_at: datetime
    finished_at: datetime
    results: tuple[Result, ...]
    results_count: int
    deleted: bool


def evolve(row: SearchRunRow | None, fact: SearchRunChangedV1, position: Position) -> SearchRunRow | None:
    """The row after a fact: the fact's own state, if it is later and valid."""
    if not is_later(row, fact, position):
        return row
    number = int8(fact.search_run_id, "search_run_id")
    assert number is not None
    if not -_INT4 <= fact.http_status < _INT4:
        raise Refused("http_status is beyond 32 bits")
    results = tuple(_result(one) for one in fact.results)
    return SearchRunRow(
        *row_columns(fact, position),
        marketplace=fact.marketplace,
        search_run_id=number,
        site_id=fact.site_id,
        query_text=fact.query_text,
        domain_id=fact.domain_id,
        category_id=fact.category_id,
        filters_json=fact.filters or None,
        status=str(fact.status),
        http_status=fact.http_status,
        error_json=fact.error or None,
        started_at=fact.started_at,
        finished_at=fact.finished_at,
        results=results,
        results_count=len(results),
        deleted=fact.deleted,
    )


def _result(told: SearchResult) -> Result:
    return Result(
        told.item_id,
        told.site_id,
        told.title,
        told.subtitle,
        told.price,
        told.base_price,
        told.currency_id,
        told.condition,
        told.listing_type_id,
        told.category_id,
        told.domain_id,
        told.permalink,
        told.thumbnail,
        int8(told.seller_id, "seller_id"),
        told.seller_nickname,
        told.accepts_mercadopago,
        int8(told.pictures_count, "pictures_count"),
        told.raw or None,
    )


READ_MODEL = ReadModel("search_runs", version=1, fact=SearchRunChangedV1, row=SearchRunRow, evolve=evolve)
