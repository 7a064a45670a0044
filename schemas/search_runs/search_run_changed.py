"""search_run.changed: one search at a marketplace, what it found, or why it failed."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import PERSONAL, Basis, DecimalString, Json, UtcTime, Value


class SearchRunStatus(StrEnum):
    """How a search ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"


class SearchResult(Value):
    """An item that a search found, as the search told it; `raw` is the whole of what it told."""

    item_id: str
    site_id: str | None = None
    title: str | None = None
    subtitle: str | None = None
    price: DecimalString | None = None
    base_price: DecimalString | None = Field(default=None, description="Before a reduction")
    currency_id: str | None = None
    condition: str | None = None
    listing_type_id: str | None = None
    category_id: str | None = None
    domain_id: str | None = None
    permalink: str | None = None
    thumbnail: str | None = None
    seller_id: int | None = None
    seller_nickname: Annotated[str | None, PERSONAL] = None
    accepts_mercadopago: bool | None = None
    pictures_count: int | None = None
    raw: Annotated[Json, PERSONAL] = Field(default_factory=dict)


class SearchRunChangedV1(Fact):
    """A search was run, or what is recorded of it was changed or deleted; this is all of it.

    Trigger: a worker has searched, or POST /mlSearchRuns. Key: `{marketplace}:{search_run_id}`. An item stands in
    `results` once. `deleted`: the run counts as gone; the key is never used again.
    """

    marketplace: str
    search_run_id: int
    site_id: str
    query_text: str
    domain_id: str | None = None
    category_id: str | None = None
    filters: Json = Field(default_factory=dict)
    status: SearchRunStatus
    http_status: int
    error: Json = Field(default_factory=dict, description="Never empty when the run failed")
    started_at: UtcTime
    finished_at: UtcTime
    results: list[SearchResult] = Field(default_factory=list)
    basis: Basis = None
    deleted: bool = False
    updated_at: UtcTime
    raw: Annotated[Json, PERSONAL] = Field(default_factory=dict, description="What the answer told besides the results")

    def key(self) -> str:
        return f"{self.marketplace}:{self.search_run_id}"


EVENT = EventFamily("search_run.changed", topic="search_runs", versions={1: SearchRunChangedV1})
