"""The types that every fact shares: money, time, identifiers, and the mark on personal data."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema


def _no_float(value: object) -> object:
    # A float has already lost the digits that make money exact; the caller must parse JSON numbers as Decimal.
    if isinstance(value, float):
        raise ValueError("a decimal must be given as a string, an integer or a Decimal, not as a float")  # noqa: TRY004  (pydantic turns only ValueError into a field error)
    return value


def _plain(value: Decimal) -> str:
    return format(value, "f")


def _finite(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError("a decimal must be finite")
    return value


def _as_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time must carry its offset from UTC")
    return value.astimezone(UTC)


def format_time(value: datetime) -> str:
    """RFC 3339 in UTC with microseconds and `Z`: the one way in which sellstream writes a time."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


DecimalString = Annotated[
    Decimal,
    BeforeValidator(_no_float),
    AfterValidator(_finite),
    PlainSerializer(_plain, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}),
]
"""An exact decimal, written as a string in JSON."""

UtcTime = Annotated[
    datetime,
    AfterValidator(_as_utc),
    PlainSerializer(format_time, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An aware time in UTC with microseconds, written in RFC 3339."""

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""An ISO 4217 code."""

PERSONAL: Any = Field(json_schema_extra={"x-personal-data": True})
"""The mark on a field that holds personal data: `buyer_name: Annotated[str | None, PERSONAL] = None`."""

Json = dict[str, Any]
"""A JSON object whose shape is not ours: what a marketplace sent beyond the fields that we know."""


class Value(BaseModel):
    """A part of a fact: immutable, and open to fields that a later version of it may carry."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Money(Value):
    """An amount in major units of an ISO 4217 currency, for example `{"amount": "1500.00", "currency": "BRL"}`."""

    amount: DecimalString
    currency: Currency
