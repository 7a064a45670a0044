"""What the HTTP API takes and gives."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.ebay_sync.run import Counts, Failure, Kind, Mode, Run, Status


class StartQuery(BaseModel):
    """Which account, and how much of it."""

    model_config = ConfigDict(extra="forbid")

    account: str | None = Field(default=None, max_length=64, description="Needed by users who have several")
    mode: Literal[Mode.FULL, Mode.INCREMENTAL] = Field(
        default=Mode.FULL,
        description="incremental asks only for the offers of SKUs that changed; for inventory the same",
    )


class RunsQuery(BaseModel):
    """Which runs."""

    model_config = ConfigDict(extra="forbid")

    account: str | None = Field(default=None, max_length=64)
    kind: Kind | None = None
    limit: int = Field(default=50, ge=1, le=500)


class RunPath(BaseModel):
    """A run by its id."""

    run_id: str = Field(pattern=r"^(inventory|offers)_[0-9]{1,12}_[0-9a-f]{6}$", examples=["offers_1234567890_abc123"])


class EventsHeader(BaseModel):
    """Where a reconnecting client goes on."""

    last_event_id: str | None = Field(
        default=None, alias="Last-Event-ID", description="The id of the last event it had"
    )


class Started(BaseModel):
    """The run is on its way; its events tell how it goes."""

    run_id: str = Field(examples=["inventory_1234567890_abc123"])
    status: Literal["started"] = "started"
    message: str = Field(examples=["Inventory sync started in background"])


class Stopping(BaseModel):
    """STOP was heard; the run ends at its next checkpoint. `status` is the run's."""

    run_id: str
    status: Status
    message: str


class RunTold(BaseModel):
    """A run. Times are UTC; `stored` are rows that are committed in the read model."""

    run_id: str
    kind: Kind
    mode: Mode
    account: str
    requested_by: str
    retry_of: str | None
    status: Status
    stopping: bool
    error: str | None
    created_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    counts: Counts
    last_event: int

    @classmethod
    def of(cls, run: Run) -> "RunTold":
        stopping = run.active and run.stop_requested_at is not None
        told = {name: getattr(run, name) for name in cls.model_fields if name != "stopping"}
        return cls(**told, stopping=stopping)


class FailureTold(BaseModel):
    """A SKU that the run could not get."""

    sku: str
    error: str
    attempts: int

    @classmethod
    def of(cls, failure: Failure) -> "FailureTold":
        return cls(sku=failure.sku, error=failure.error, attempts=failure.attempts)


class RunDetail(RunTold):
    """A run with the SKUs that it could not get."""

    failures: list[FailureTold]


class RunList(BaseModel):
    """Runs, newest first."""

    runs: list[RunTold]


class AccountTold(BaseModel):
    """An eBay account of the user."""

    account: str
    marketplace_id: str


class AccountList(BaseModel):
    """The user's eBay accounts."""

    user_id: str
    accounts: list[AccountTold]


class SignIn(BaseModel):
    """The page's sign-in: a token as `sellstream ebay token` issues it."""

    token: str = Field(min_length=1, max_length=4096)
