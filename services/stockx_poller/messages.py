"""What the HTTP API takes and gives."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.marketplaces.stockx.listing import InventoryType
from schemas.values import DecimalString, UtcTime
from services.stockx_poller.command import Wants
from services.stockx_poller.commands import Kept

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217; StockX's default is USD")]
Price = Annotated[DecimalString, Field(gt=0, max_digits=12, decimal_places=2, description="Of the ask, as text")]


class NewListingBody(BaseModel):
    """A listing to be created."""

    model_config = ConfigDict(extra="forbid")

    variant_id: str = Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9-]+$")
    amount: Price
    currency_code: Currency | None = None
    expires_at: UtcTime | None = None
    active: bool = Field(default=True, description="With an ask on the market")
    inventory_type: InventoryType | None = None


class ListingChangeBody(BaseModel):
    """What is to be changed: `active` activates or deactivates, alone or, when it activates, with the rest."""

    model_config = ConfigDict(extra="forbid")

    amount: Price | None = None
    currency_code: Currency | None = None
    expires_at: UtcTime | None = None
    active: bool | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        rest = (self.amount, self.currency_code, self.expires_at)
        if self.active is None and all(each is None for each in rest):
            raise ValueError("nothing is to be changed")
        if self.active is False and any(each is not None for each in rest):
            raise ValueError("a deactivation changes nothing else: send two commands")
        return self


class AccountQuery(BaseModel):
    """Which account."""

    model_config = ConfigDict(extra="forbid")

    account: str | None = Field(default=None, max_length=64, description="Needed by users who have several")


class ListingPath(BaseModel):
    """A listing by StockX's id."""

    listing_id: str = Field(pattern=r"^[A-Za-z0-9-]{1,128}$")


class CommandPath(BaseModel):
    """A command by the id that it was answered with."""

    command_id: str = Field(pattern=r"^[A-Za-z0-9-]{1,128}$")


class KeyHeader(BaseModel):
    """The same command under the same key is kept once."""

    idempotency_key: str | None = Field(default=None, alias="Idempotency-Key", min_length=1, max_length=255)


class CommandTold(BaseModel):
    """A command. `status`: waiting, sending, doubtful, pending, succeeded, failed or given_up."""

    command_id: str
    account: str
    kind: str
    status: str
    listing_id: str | None
    operation_id: str | None = Field(description="StockX's; none before it is sent, and for items of batches")
    error: str | None
    accepted_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, kept: Kept) -> "CommandTold":
        return cls(
            command_id=kept.id,
            account=kept.account,
            kind=kept.kind,
            status=kept.status,
            listing_id=kept.listing_id,
            operation_id=kept.operation_id,
            error=kept.error,
            accepted_at=kept.accepted_at,
            ended_at=kept.ended_at,
        )


class Accepted(CommandTold):
    """The command is durable, and will be carried out."""

    status_url: str


class AccountPlan(BaseModel):
    """What an account's work still needs."""

    account: str
    waiting: int
    doubtful: int
    pending: int
    planned_requests: int
    all_known_at: datetime | None = Field(description="When the last pending operation is expected to be known")
    fits_today: bool
    halted: str | None = Field(description="Why StockX is not asked for this account now")


class QuotaTold(BaseModel):
    """What is left today of the application's limits, and what is planned for the user's accounts."""

    requests_left: int
    requests_a_day: int
    reserve: int
    items_left_now: int
    items_a_day: int
    resets_at: datetime
    accounts: list[AccountPlan]


def created(body: NewListingBody) -> Wants:
    """What a new listing is to be."""
    return Wants(
        amount=price(body.amount),
        currency_code=body.currency_code,
        expires_at=body.expires_at,
        active=body.active,
        inventory_type=body.inventory_type,
    )


def changed(body: ListingChangeBody | None) -> Wants:
    """What is to be changed of a listing; nothing of one that is deleted."""
    if body is None:
        return Wants()
    return Wants(amount=price(body.amount), currency_code=body.currency_code, expires_at=body.expires_at)


def price(amount: Decimal | None) -> Decimal | None:
    """The amount without the zeros that change nothing, so that equal commands are equal."""
    return None if amount is None else amount.quantize(Decimal("0.01"))
