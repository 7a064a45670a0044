"""What the HTTP API takes and gives."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.read_models.market_data.project import MarketDataRow
from services.market_data.run import Fate, Item, Kind, Run, Status

MOST_ITEMS = 1_000


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RunTold(_Message):
    """A run. `counts`: how many of its items have which fate; `total` null: not known yet."""

    run_id: str
    kind: Kind
    status: Status
    requested_by: str
    total: int | None
    done: int
    counts: dict[Fate, int]
    waits: str | None = Field(description="For what it waits just now")
    error: str | None
    created_at: datetime
    began_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, run: Run) -> "RunTold":
        counts = dict(run.counts)
        waiting = counts.get(Fate.WAITING, 0)
        if run.kind is Kind.INVENTORY_IMPORT and run.status.active:
            waiting += counts.get(Fate.CHECKED, 0)
        return cls(
            run_id=run.run_id,
            kind=run.kind,
            status=run.status,
            requested_by=run.requested_by,
            total=run.total,
            done=sum(counts.values()) - waiting,
            counts=counts,
            waits=run.waits,
            error=run.error,
            created_at=run.created_at,
            began_at=run.began_at,
            ended_at=run.ended_at,
        )


class RunsTold(_Message):
    """Newest first."""

    runs: list[RunTold]


class ItemTold(_Message):
    """A product, a row of a file, or a page, and what came of it."""

    number: int
    item: str
    fate: Fate
    detail: str | None

    @classmethod
    def of(cls, item: Item) -> "ItemTold":
        return cls(number=item.number, item=item.item, fate=item.fate, detail=item.detail)


class RunWithItems(RunTold):
    """`items`: up to 1,000; `next` is the number to ask for the following ones with (`?after=`)."""

    items: list[ItemTold]
    next: int | None


class RunPath(_Message):
    run_id: str = Field(pattern=r"^[a-z0-9_]{1,80}$")


class ItemsQuery(_Message):
    """`fate` narrows the items; `after` is the last number seen."""

    after: int = Field(default=0, ge=0)
    fate: Fate | None = None


class StartQuery(_Message):
    """`sku`: the market of this product alone, whether it is in stock or not; left out: of all that is in stock."""

    kind: Literal["market_data", "notion_sales", "dead_stock"]
    sku: str | None = Field(default=None, min_length=1, max_length=100)

    @model_validator(mode="after")
    def _sku_has_a_market(self) -> "StartQuery":
        if self.sku is not None and self.kind != "market_data":
            raise ValueError("sku goes with the kind market_data")
        return self


class KindQuery(_Message):
    kind: Kind | None = None


class ImportTold(_Message):
    """An import was given in: its rows are checked now. `location` tells of it until it is accepted or refused."""

    import_id: str
    rows: int
    wrong: int = Field(description="Rows that are wrong in themselves, whatever StockX says")
    location: str


class MarketQuery(_Message):
    sku: str = Field(min_length=1, max_length=100)


class PointTold(_Message):
    at: datetime
    currency: str | None
    lowest_ask: Decimal | None
    highest_bid: Decimal | None
    last_sale: Decimal | None


class MarketTold(_Message):
    """A size at a platform; null is what nobody told."""

    platform: str
    sku: str
    size: str | None
    product_id: str
    currency: str | None
    lowest_ask: Decimal | None
    highest_bid: Decimal | None
    last_sale: Decimal | None
    last_sale_at: datetime | None
    sales: int | None = Field(description="Orders of our own")
    updated_at: datetime
    history: list[PointTold]

    @classmethod
    def of(cls, row: MarketDataRow) -> "MarketTold":
        return cls(
            platform=row.platform,
            sku=row.sku,
            size=row.size,
            product_id=row.product_id,
            currency=row.currency,
            lowest_ask=row.lowest_ask,
            highest_bid=row.highest_bid,
            last_sale=row.last_sale,
            last_sale_at=row.last_sale_at,
            sales=row.sales,
            updated_at=row.updated_at,
            history=[
                PointTold(
                    at=point.at,
                    currency=point.currency,
                    lowest_ask=point.lowest_ask,
                    highest_bid=point.highest_bid,
                    last_sale=point.last_sale,
                )
                for point in row.history
            ],
        )


class MarketsTold(_Message):
    markets: list[MarketTold]


class ReportQuery(_Message):
    """`report`: one that was kept; else one as of now."""

    report: str | None = Field(default=None, pattern=r"^[a-z0-9_]{1,80}$")


class KeptReport(_Message):
    report_id: str
    made_at: datetime


class KeptReports(_Message):
    reports: list[KeptReport]
