"""The shapes that marketplaces send: read tolerantly, nothing lost.

A payload model names the fields that a fact needs. Everything else stays where pydantic keeps extra fields, at each
level, and `leftover` collects it for the fact's `raw`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from schemas.registry import summary
from schemas.values import Json

MAX_DEPTH = 64
"""No marketplace nests deeper; what does is an attack, or would break a reader of ours."""

_UNSTORABLE = re.compile(
    "[\x00\ud800-\udfff]"
)  # NUL and lone surrogates: valid in JSON, refused by databases and UTF-8
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATETIME: TypeAdapter[datetime] = TypeAdapter(datetime)


class Malformed(ValueError):
    """A payload is not of the shape that its marketplace documents. The text names fields and problems, no values."""


@dataclass(frozen=True)
class _Kept:
    """A mark: the fact uses the field, and `raw` keeps it as well (the fact's form of it loses something)."""


KEPT = _Kept()


class Payload(BaseModel):
    """A marketplace's JSON object. Absent and null mean the same in it; unknown fields are kept."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True, coerce_numbers_to_str=True)

    @classmethod
    def read(cls, body: object) -> Self:
        """The payload in an answer's JSON; raise Malformed."""
        if not isinstance(body, Mapping):
            raise Malformed(f"a JSON object was expected, not {type(body).__name__}")
        try:
            return cls.model_validate(_storable(body, MAX_DEPTH))
        except ValidationError as error:
            raise Malformed(summary(error)) from None


def leftover(payload: Payload) -> Json:
    """What of a payload no modelled field has taken, recursively, in JSON terms; lists keep their positions."""
    rest = {name: as_json(value) for name, value in (payload.model_extra or {}).items()}
    for name, field in type(payload).model_fields.items():
        if name not in payload.model_fields_set:
            continue
        value = getattr(payload, name)
        told = field.alias or name
        if KEPT in field.metadata:
            rest[told] = as_json(value)
        elif isinstance(value, Payload):
            if inner := leftover(value):
                rest[told] = inner
        elif isinstance(value, list) and any(isinstance(item, Payload) for item in value):
            inners = [leftover(item) for item in value]
            if any(inners):
                rest[told] = inners
    return rest


def as_json(value: Any) -> Any:
    """A value as it survives a trip through our topics: exact decimals become strings, models their fields."""
    match value:
        case Decimal():
            return str(value)
        case Payload():
            return as_json(value.model_dump(exclude_unset=True, by_alias=True))
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(name): as_json(inner) for name, inner in value.items()}
        case list() | tuple():
            return [as_json(inner) for inner in value]
        case _:
            return value


def _storable(value: Any, depth: int) -> Any:
    if depth == 0:
        raise Malformed(f"it is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {_storable(str(name), 1): _storable(inner, depth - 1) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_storable(inner, depth - 1) for inner in value]
    return value


def _identifier(value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _ID.fullmatch(text.strip()):
        raise ValueError("not an identifier (letters, digits, '_', '.', ':', '-'; 128 at most)")
    return text.strip()


def _identifier_or_none(value: object) -> str | None:
    return None if value is None or value == "" else _identifier(value)


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("a time must be ISO 8601 text with an offset")  # noqa: TRY004  (pydantic reports ValueError)
    try:
        parsed = _DATETIME.validate_python(value)
        if parsed.tzinfo is None:
            raise ValueError("a time must carry its offset from UTC")
        moment = parsed.astimezone(UTC)
    except (ValidationError, OverflowError):
        raise ValueError("not an ISO 8601 time") from None
    if moment < _EPOCH:
        raise ValueError("a time before 1970 is no time of a marketplace")
    return moment


def _number(value: object) -> object:
    if isinstance(value, bool | float):
        raise ValueError("not an exact number")  # noqa: TRY004  (pydantic reports ValueError)
    return value


def _empty_if_none(value: object) -> object:
    return [] if value is None else value


Id = Annotated[str, BeforeValidator(_identifier)]
"""An identifier: marketplaces send numbers and strings for the same one."""

OptionalId = Annotated[str | None, BeforeValidator(_identifier_or_none)]

Moment = Annotated[datetime, BeforeValidator(_moment)]
"""A time with an offset, in UTC; digits beyond microseconds are cut."""

Amount = Annotated[Decimal, BeforeValidator(_number), Field(max_digits=24, decimal_places=10)]
"""An amount of money in major units, exact."""

NoisyAmount = Annotated[Decimal, BeforeValidator(_number), Field(max_digits=40, decimal_places=26)]
"""An amount that somebody computed in binary floating point, with all the digits that this may leave."""

Word = Annotated[str, Field(min_length=1, max_length=200)]
"""One of the marketplace's own terms, such as a status."""

EmptyIfNone = BeforeValidator(_empty_if_none)
"""For a list that may be null."""
