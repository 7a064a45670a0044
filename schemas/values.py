"""The types that every fact shares: money, time, identifiers, and the mark on personal data."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema


def _no_float(value: object) -> object:
    # A float has already lost the digits that make money exact; the caller must parse JSON numbers as Decimal.
    if isinstance(value, float):
        raise ValueError("a decimal must be given as a string, an integer or a Decimal, not as a float")  # noqa: TRY004  (pydantic turns only ValueError into a field error)
    return value


def _plain(value: Decimal) -> str:
    return format(value, "f")


_MOST_DIGITS = 40


def _plausible(value: Decimal) -> Decimal:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError("a decimal must be finite")  # noqa: TRY004  (as above)
    # "1E+999999999" is ten bytes that would be written out as a gigabyte.
    if value.adjusted() >= _MOST_DIGITS or exponent < -_MOST_DIGITS:
        raise ValueError(f"a decimal must have at most {_MOST_DIGITS} digits on each side of the point")
    return value


def as_utc(value: datetime) -> datetime:
    """The same moment in UTC; raises ValueError."""
    if value.tzinfo is None:
        raise ValueError("a time must carry its offset from UTC")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time must lie between the years 1 and 9999 in UTC") from None


_WITH_MICROSECONDS = len("2026-03-14T15:09:26.535897Z")


def _rounded(value: object) -> object:
    # pydantic cuts off what lies below a microsecond, msgspec rounds it: whichever reads a fact gives the same time.
    if isinstance(value, str) and len(value) > _WITH_MICROSECONDS:
        try:
            return msgspec.convert(value, datetime)
        except ValueError:
            return value  # a notation that only pydantic knows, or none
    return value


def format_time(value: datetime) -> str:
    """RFC 3339 in UTC with microseconds and `Z`: the one way in which sellstream writes a time."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


DecimalString = Annotated[
    Decimal,
    BeforeValidator(_no_float),
    AfterValidator(_plausible),
    PlainSerializer(_plain, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}),
]
"""An exact decimal of at most 40 digits on each side of the point, written as a string in JSON."""

UtcTime = Annotated[
    datetime,
    BeforeValidator(_rounded),
    AfterValidator(as_utc),
    PlainSerializer(format_time, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An aware time in UTC, rounded to microseconds, written in RFC 3339."""

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""An ISO 4217 code."""

PERSONAL: Any = Field(json_schema_extra={"x-personal-data": True})
"""The mark on a field that holds personal data: `buyer_name: Annotated[str | None, PERSONAL] = None`."""

Basis = Annotated[
    int | None,
    Field(description="Where its partition ended when this was decided; void if its entity has a fact from there on"),
]
"""The offset at which a command decided a fact (none: nobody decided against the entity's state).

Two programs may decide about one entity at the same time, one of them having lost its lock without knowing. The log
tells who was first: whoever reads it takes no notice of a fact whose entity has another valid fact at or behind its
basis.
"""

Json = dict[str, Any]
"""A JSON object whose shape is not ours: what a marketplace sent beyond the fields that we know."""


class Value(BaseModel):
    """A part of a fact: immutable, and open to fields that a later version of it may carry."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Money(Value):
    """An amount in major units of an ISO 4217 currency, for example `{"amount": "1500.00", "currency": "BRL"}`."""

    amount: DecimalString
    currency: Currency
