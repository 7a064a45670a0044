"""Operations: what StockX does, asynchronously, with a listing; started by a write of ours, or by StockX itself."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from libs.marketplaces.payload import Id, Moment, Word
from libs.marketplaces.stockx.values import StockXPayload


class OperationStatus(StrEnum):
    """PENDING: still being processed. SUCCEEDED: so at StockX's marketplace. FAILED: see `error`."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class Initiator(StrEnum):
    """Who started it: the seller (through whichever way), or StockX."""

    USER = "USER"
    SYSTEM = "SYSTEM"


def _text_or_none(value: object) -> str | None:
    """The error's text. The contract says text; what else stands there is told as it is, rather than lost."""
    return value if isinstance(value, str) or value is None else str(value)


def _empty_if_none(value: object) -> object:
    return {} if value is None else value


Part = Annotated[Mapping[str, Any], BeforeValidator(_empty_if_none)]


class Changes(StockXPayload):
    """What the operation changes, for example `additions.askData`: `{amount, currency, expiresAt}`."""

    additions: Part = Field(default_factory=dict)
    updates: Part = Field(default_factory=dict)
    removals: Part = Field(default_factory=dict)


class Operation(StockXPayload):
    """An operation, as a write answers it and as it is polled."""

    listing_id: Id
    operation_id: Id
    type: Word = Field(alias="operationType")
    status: OperationStatus = Field(alias="operationStatus")
    initiated_by: Initiator = Field(alias="operationInitiatedBy")
    initiated_via: str | None = Field(default=None, alias="operationInitiatedVia")
    url: str | None = Field(default=None, alias="operationUrl")
    created_at: Moment
    updated_at: Moment
    changes: Changes | None = None
    error: Annotated[str | None, BeforeValidator(_text_or_none)] = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status is not OperationStatus.PENDING


class LastOperation(StockXPayload):
    """`lastOperation` of a listing: the same under names of its own, without the listing's id."""

    operation_id: Id
    type: Word = Field(alias="operationType")
    status: OperationStatus = Field(alias="operationStatus")
    initiated_by: Initiator = Field(alias="operationInitiatedBy")
    initiated_via: str | None = Field(default=None, alias="operationInitiatedVia")
    created_at: Moment = Field(alias="operationCreatedAt")
    updated_at: Moment = Field(alias="operationUpdatedAt")
    changes: Changes | None = None
    error: Annotated[str | None, BeforeValidator(_text_or_none)] = None
