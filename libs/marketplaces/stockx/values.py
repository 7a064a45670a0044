"""What StockX's resources have in common: camelCase names, amounts as text, times with milliseconds."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PrivateAttr
from pydantic.alias_generators import to_camel

from libs.marketplaces.payload import Amount, NoisyAmount, Payload, as_json
from schemas.values import Json, as_utc

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


def _none_if_blank(value: object) -> object:
    return None if value == "" else value


OptionalAmount = Annotated[Amount | None, BeforeValidator(_none_if_blank)]
"""Major units, exact. StockX writes text (`"150"`). Null where there is none."""

ComputedAmount = Annotated[NoisyAmount | None, BeforeValidator(_none_if_blank)]
"""An amount of a payout: the examples have JSON numbers, and what is computed in binary floating point may have its
noise (`76.81000000000002`). What is only shown must not make the whole resource unreadable. Null if there is none."""


class StockXPayload(Payload):
    """A JSON object of StockX: `variantId` is `variant_id`. Unknown fields are kept."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    _read_from: object = PrivateAttr(default=None)

    @classmethod
    def read(cls, body: object) -> Self:
        payload = super().read(body)
        payload._read_from = body
        return payload

    @property
    def read_from(self) -> object:
        """The JSON that this was read from, as it was told; None if it was not read."""
        return self._read_from


def whole(payload: StockXPayload) -> Json:
    """A resource with all its fields under StockX's names, in JSON terms; fractions as text: they stay exact."""
    told: Json = as_json(payload)
    return told


def wire_amount(amount: Decimal) -> str:
    """`150`, `149.5`: as StockX takes amounts."""
    return f"{amount.normalize():f}"


def wire_time(moment: datetime) -> str:
    """`2021-11-09T12:44:31.000Z`"""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


Price = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2), PlainSerializer(wire_amount, when_used="json")]
"""An ask's amount in a request."""

Expiry = Annotated[datetime, AfterValidator(as_utc), PlainSerializer(wire_time, when_used="json")]


class StockXRequest(BaseModel):
    """A request's body. Only what was given is sent: StockX refuses unknown properties, and null is not absent."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    def body(self) -> Json:
        told: Json = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return told
