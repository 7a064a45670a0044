"""The bodies of an entity's POST, derived from its declaration: a create, an update and a delete, told by `action`."""

import typing
from datetime import UTC, date, datetime
from functools import partial
from types import NoneType
from typing import Annotated, Any, Literal, get_args

from annotated_types import Ge, Le
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    create_model,
)
from pydantic.fields import FieldInfo

from libs.read_models.entities import columns
from schemas.entity import Entity
from schemas.values import DecimalString, Json, UtcTime, as_utc
from services.catalog.json_fields import JsonObject

MOST_OPERATIONS = 500
ACTIONS = frozenset({"1", "2", "3"})

STORABLE = r"^[^\x00]*$"
"""PostgreSQL has no NUL in texts."""

_INT8 = 2**63 - 1
_MOST_CHARACTERS = 10_000
_DECIMAL, _TIME = get_args(DecimalString), get_args(UtcTime)


def _utc(value: datetime) -> datetime:
    return as_utc(value.replace(tzinfo=UTC) if value.tzinfo is None else value)


def _number_not_bool(given: Any) -> Any:
    if isinstance(given, bool):
        raise ValueError("a number was expected, not true or false")  # noqa: TRY004  (pydantic turns only ValueError into a field error)
    return given


def _text(given: Any) -> Any:
    """A number would be read as seconds since 1970: a slip that looks like a date."""
    if not isinstance(given, str | date | None):
        raise ValueError("a text was expected, for example 2026-01-15")  # noqa: TRY004  (as above)
    return given


Time = Annotated[
    datetime,
    AfterValidator(_utc),
    BeforeValidator(_text),
    Field(description="UTC, unless the time has an offset"),
]


class Operation(BaseModel):
    """What the three kinds of operation share."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    action: str
    number: int | None = None

    def given(self) -> dict[str, Any]:
        """The fields that the request gives, by their names in facts."""
        return {name: getattr(self, name) for name in self.model_fields_set - {"action", "number"}}


class Deletion(Operation):
    """Whoever deletes may send the whole row."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class Batch(BaseModel):
    """What the bodies of all entities share."""

    model_config = ConfigDict(extra="forbid")

    operations: list[Any]


def request_model(entity: Entity) -> type[Batch]:
    """The body of an entity's POST: `{"unifiedProducts": [operation, …]}`."""
    noun = entity.fact.__name__.removesuffix("ChangedV1")
    required = {name: _field(entity, name) for name in entity.fields}
    optional = {name: (hint, _changed(info)) for name, (hint, info) in required.items()}
    found = {name: optional[name] for name in (entity.unique[0] if entity.unique else ())}
    kinds = [
        _kind(entity, f"Create{noun}", "1", "Create one; a number that is given is not used.", required),
        _kind(entity, f"Update{noun}", "2", "Change one: what is not given stays.", optional),
        _kind(entity, f"Delete{noun}", "3", "Delete one.", found, base=Deletion),
    ]
    tagged: list[Any] = [Annotated[kind, Tag(action)] for kind, action in zip(kinds, sorted(ACTIONS), strict=True)]
    discriminated: Any = Annotated[
        typing.Union[tuple(tagged)],  # noqa: UP007  (of a list)
        Discriminator(
            _action,
            custom_error_type="action",
            custom_error_message="action must be 1 (create), 2 (update) or 3 (delete)",
        ),
    ]
    operations: Any = Annotated[list[discriminated], Field(min_length=1, max_length=MOST_OPERATIONS)]
    return create_model(f"{noun}Request", __base__=Batch, operations=(operations, Field(alias=entity.collection)))


def answer_model(entity: Entity) -> type[BaseModel]:
    """A row as GET answers it, under the documented names; decimals are texts."""
    noun = entity.fact.__name__.removesuffix("ChangedV1")
    fields: dict[str, Any] = {
        name: (
            info.annotation if not info.metadata else Annotated[info.annotation, *info.metadata],
            Field(alias=entity.told(name), description=info.description),
        )
        for name in (entity.id_field, *entity.fields)
        for info in (entity.fact.model_fields[name],)
    }
    fields["updated_at"] = (UtcTime, Field(alias="updatedAt"))
    model: type[BaseModel] = create_model(noun, __config__=ConfigDict(populate_by_name=True), **fields)
    return model


def _kind(
    entity: Entity, name: str, action: str, doc: str, fields: dict[str, Any], base: type[Operation] = Operation
) -> type[Operation]:
    names = (entity.told(entity.id_field), *entity.id_aliases, "id")
    others = f"Also called {' or '.join(names[1:])}"
    number = Annotated[int, Ge(1), Le(_INT8), BeforeValidator(_number_not_bool)]
    literal: Any = Annotated[Literal[action], BeforeValidator(str)]
    return create_model(
        name,
        __base__=base,
        __doc__=doc,
        action=(literal, ...),
        number=(number | None, Field(None, validation_alias=AliasChoices(*names), description=others)),
        **fields,
    )


def _field(entity: Entity, name: str) -> tuple[Any, FieldInfo]:
    """A field of a create: the fact's type with what requests are held to."""
    info, column = entity.fact.model_fields[name], columns(entity)[name]
    hint: Any = _asked(info, column.type)
    if column.type is int:
        hint = Annotated[hint, Ge(-_INT8), Le(_INT8)]
    if name in entity.bounds:  # after the column's own: of two like bounds pydantic takes the last
        hint = Annotated[hint, *entity.bounds[name]]
    if column.type is int:
        hint = Annotated[hint, BeforeValidator(_number_not_bool)]
    if column.nullable:
        hint = hint | None
    if name in entity.empty_means:
        hint = Annotated[hint, BeforeValidator(partial(_unless_empty, entity.empty_means[name]))]
    default: Any = ... if info.is_required() else info.get_default(call_default_factory=True, validated_data={})
    return hint, Field(default, alias=entity.told(name), description=info.description)


def _asked(info: FieldInfo, plain: Any) -> Any:
    hint = info.annotation
    if NoneType in typing.get_args(hint):
        (hint,) = (one for one in typing.get_args(hint) if one is not NoneType)
    base = typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint
    if base is _DECIMAL[0]:
        return DecimalString
    if base is _TIME[0]:
        return Time
    if base is date:
        return Annotated[date, BeforeValidator(_text)]
    if plain == Json:
        return JsonObject
    if base is str:
        required = info.is_required()
        return Annotated[str, Field(min_length=1 if required else 0, max_length=_MOST_CHARACTERS, pattern=STORABLE)]
    return base


def _unless_empty(meaning: str, given: Any) -> Any:
    return meaning if given == "" else given


def _changed(info: FieldInfo) -> FieldInfo:
    """The same field where nothing needs to be given."""
    optional: Any = Field(None, alias=info.alias, description=info.description)
    changed: FieldInfo = optional
    return changed


def _action(given: Any) -> str:
    return str(given.get("action") if isinstance(given, dict) else getattr(given, "action", None))
