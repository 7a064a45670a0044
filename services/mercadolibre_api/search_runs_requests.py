"""The bodies of POST /mlSearchRuns (mission, "MercadoLibre Search Runs")."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from libs.http.answer import NotJson, exact_json
from libs.marketplaces.mercadolibre.normalise import bounded_numbers
from libs.marketplaces.payload import as_json
from schemas.search_runs.search_run_changed import SearchResult, SearchRunStatus
from schemas.values import DecimalString, Json, UtcTime

MOST_OPERATIONS = 200
MOST_RESULTS = 1000

_INT8 = 2**63 - 1
_INT4 = 2**31 - 1


def _read(given: Any) -> Any:
    """JSON columns come as objects, and as texts that hold one."""
    if isinstance(given, str):
        try:
            given = exact_json(given.encode())
        except NotJson as error:
            raise ValueError(f"the text is not JSON: {error}") from None
    return bounded_numbers(as_json(given)) if isinstance(given, dict) else given


JsonObject = Annotated[Json, BeforeValidator(_read), Field(description="An object, or a text that holds one")]
Action = BeforeValidator(str)
"""Actions come as numbers and as texts."""

_SITE = r"^M[A-Z]{2}$"
Text = Annotated[str, Field(max_length=10_000)]
Short = Annotated[str, Field(max_length=200)]
SearchRunId = Annotated[
    int, Field(ge=1, le=_INT8, validation_alias=AliasChoices("search_run_id", "id"), description="Also called id")
]


class SearchResultRequest(BaseModel):
    """An item that the search found."""

    model_config = ConfigDict(extra="ignore")

    item_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    site_id: Short | None = None
    title: Text | None = None
    subtitle: Text | None = None
    price: DecimalString | None = None
    base_price: DecimalString | None = None
    currency_id: Short | None = None
    condition: Short | None = None
    listing_type_id: Short | None = None
    category_id: Short | None = None
    domain_id: Short | None = None
    permalink: Text | None = None
    thumbnail: Text | None = None
    seller_id: int | None = Field(default=None, ge=0, le=_INT8)
    seller_nickname: Text | None = None
    accepts_mercadopago: bool | None = None
    pictures_count: int | None = Field(default=None, ge=0, le=_INT4)
    raw_json: JsonObject | None = None

    def result(self) -> SearchResult:
        told = self.model_dump(exclude={"raw_json"})
        return SearchResult(**told, raw=self.raw_json or {})


Results = Annotated[list[SearchResultRequest], Field(max_length=MOST_RESULTS)]


class CreateRun(BaseModel):
    """Action 1: keep a run. A failed one needs `error_json`, one that succeeded `results` (perhaps empty)."""

    model_config = ConfigDict(extra="ignore")

    action: Annotated[Literal["1"], Action]
    site_id: str = Field(pattern=_SITE)
    query_text: str = Field(min_length=1, max_length=1000)
    domain_id: Short | None = None
    category_id: Short | None = None
    filters_json: JsonObject | None = None
    status: SearchRunStatus
    http_status: int = Field(ge=0, le=999)
    error_json: JsonObject | None = None
    started_at: UtcTime
    finished_at: UtcTime
    results: Results | None = None


class UpdateRun(BaseModel):
    """Action 2: change a run. What is not given stays; results of items that the run has not are added."""

    model_config = ConfigDict(extra="ignore")

    action: Annotated[Literal["2"], Action]
    search_run_id: SearchRunId
    site_id: str | None = Field(default=None, pattern=_SITE)
    query_text: str | None = Field(default=None, min_length=1, max_length=1000)
    domain_id: Short | None = None
    category_id: Short | None = None
    filters_json: JsonObject | None = None
    status: SearchRunStatus | None = None
    http_status: int | None = Field(default=None, ge=0, le=999)
    error_json: JsonObject | None = None
    started_at: UtcTime | None = None
    finished_at: UtcTime | None = None
    results: Results | None = None


class DeleteRun(BaseModel):
    """Action 3: delete a run and its results."""

    model_config = ConfigDict(extra="ignore")

    action: Annotated[Literal["3"], Action]
    search_run_id: SearchRunId


def _action(given: Any) -> str:
    return str(given.get("action") if isinstance(given, dict) else getattr(given, "action", None))


SearchRunOperation = CreateRun | UpdateRun | DeleteRun

Operation = Annotated[
    Annotated[CreateRun, Tag("1")] | Annotated[UpdateRun, Tag("2")] | Annotated[DeleteRun, Tag("3")],
    Discriminator(
        _action,
        custom_error_type="action",
        custom_error_message="action must be 1 (create), 2 (update) or 3 (delete)",
    ),
]


class SearchRunsRequest(BaseModel):
    """One operation or several; they are carried out in their order, all or none."""

    search_runs: list[Operation] = Field(min_length=1, max_length=MOST_OPERATIONS)
