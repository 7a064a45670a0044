"""What POST /mlSearchRuns decides: pure functions from rows and requests to facts."""

from datetime import datetime

from libs.commands.unified import NotPossible
from libs.marketplaces.mercadolibre.normalise import MARKETPLACE
from libs.read_models.search_runs.project import Result, SearchRunRow
from schemas.search_runs.search_run_changed import SearchResult, SearchRunChangedV1, SearchRunStatus
from services.mercadolibre_api.search_runs_requests import CreateRun, SearchResultRequest, UpdateRun


def created(number: int, asked: CreateRun, now: datetime) -> SearchRunChangedV1:
    """A new run. Raises NotPossible."""
    if asked.status is SearchRunStatus.FAILED and not asked.error_json:
        raise NotPossible("error_json is required of a failed run: say why it failed")
    if asked.status is SearchRunStatus.SUCCEEDED and asked.results is None:
        raise NotPossible("results are required of a run that succeeded (an empty list if it found nothing)")
    return SearchRunChangedV1(
        marketplace=MARKETPLACE,
        search_run_id=number,
        site_id=asked.site_id,
        query_text=asked.query_text,
        domain_id=asked.domain_id,
        category_id=asked.category_id,
        filters=asked.filters_json or {},
        status=asked.status,
        http_status=asked.http_status,
        error=asked.error_json or {},
        started_at=asked.started_at,
        finished_at=asked.finished_at,
        results=merged([], asked.results),
        updated_at=now,
    )


def updated(row: SearchRunRow, asked: UpdateRun, now: datetime) -> SearchRunChangedV1:
    """A run's new state: what is given, over what is known. Raises NotPossible.

    A run that failed keeps its error: null does not take it away, and only a status `succeeded` does.
    """
    status = asked.status or SearchRunStatus(row.status)
    error = asked.error_json or row.error_json or {}
    if status is SearchRunStatus.FAILED and not error:
        raise NotPossible(f"search run {row.search_run_id}: error_json is required of a failed run: say why it failed")
    if asked.status is SearchRunStatus.SUCCEEDED:
        error = asked.error_json or {}
    return SearchRunChangedV1(
        marketplace=row.marketplace,
        search_run_id=row.search_run_id,
        site_id=asked.site_id or row.site_id,
        query_text=asked.query_text or row.query_text,
        domain_id=asked.domain_id if asked.domain_id is not None else row.domain_id,
        category_id=asked.category_id if asked.category_id is not None else row.category_id,
        filters=asked.filters_json if asked.filters_json is not None else row.filters_json or {},
        status=status,
        http_status=asked.http_status if asked.http_status is not None else row.http_status,
        error=error,
        started_at=asked.started_at or row.started_at,
        finished_at=asked.finished_at or row.finished_at,
        results=merged([_told(one) for one in row.results], asked.results),
        updated_at=now,
    )


def deleted(row: SearchRunRow, now: datetime) -> SearchRunChangedV1:
    """A run that counts as gone; its results and its query go with it."""
    return SearchRunChangedV1(
        marketplace=row.marketplace,
        search_run_id=row.search_run_id,
        site_id=row.site_id,
        query_text=row.query_text,
        status=SearchRunStatus(row.status),
        http_status=row.http_status,
        error=row.error_json or {},
        started_at=row.started_at,
        finished_at=row.finished_at,
        deleted=True,
        updated_at=now,
    )


def merged(known: list[SearchResult], added: list[SearchResultRequest] | None) -> list[SearchResult]:
    """Each item once: what was told of it first stays."""
    results = {one.item_id: one for one in known}
    for one in added or []:
        if one.item_id not in results:
            results[one.item_id] = one.result()
    return list(results.values())


def _told(one: Result) -> SearchResult:
    return SearchResult(
        item_id=one.item_id,
        site_id=one.site_id,
        title=one.title,
        subtitle=one.subtitle,
        price=one.price,
        base_price=one.base_price,
        currency_id=one.currency_id,
        condition=one.condition,
        listing_type_id=one.listing_type_id,
        category_id=one.category_id,
        domain_id=one.domain_id,
        permalink=one.permalink,
        thumbnail=one.thumbnail,
        seller_id=one.seller_id,
        seller_nickname=one.seller_nickname,
        accepts_mercadopago=one.accepts_mercadopago,
        pictures_count=one.pictures_count,
        raw=one.raw_json or {},
    )
