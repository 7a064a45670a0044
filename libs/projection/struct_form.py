"""The fast form of a fact: a msgspec struct derived from its pydantic model, so that there is one declaration.

Facts were validated when they were produced, but a topic is open to every writer. So this form never decides alone that
a fact is broken, and takes only what pydantic would take with the same values; whatever it is not sure of, it leaves to
pydantic. `quick_facts.py` reads with it.

| in the model            | in the struct                           | left to pydantic                         |
|-------------------------|-----------------------------------------|------------------------------------------|
| str, int, bool, StrEnum | the same                                | other JSON types that pydantic converts  |
| UtcTime                 | datetime, to the microsecond alike      | another offset than UTC, other notations |
| date                    | date                                    | other notations                          |
| DecimalString           | Decimal of a JSON string                | JSON numbers; more than 40 digits, NaN   |
| with constraints        | its type; pydantic judges a value once  | values that pydantic refuses or changes  |
| Json (`raw`)            | not parsed unless somebody reads it     | what pydantic's own parser refuses       |
| unknown fields          |                                         | facts that have any                      |
"""

import datetime
import inspect
import types
import typing
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from types import NoneType
from typing import Annotated, Any

import msgspec
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import from_json

from libs.projection.struct_checks import (
    Check,
    Each,
    Judged,
    Maybe,
    Parts,
    checking,
    require_object,
    require_plain,
    require_plausible,
    require_utc,
)
from schemas.event import Fact
from schemas.values import DecimalString, UtcTime, Value

_TIME, _DECIMAL = typing.get_args(UtcTime), typing.get_args(DecimalString)
_BOUNDS: dict[type, str] = {Ge: "ge", Gt: "gt", Le: "le", Lt: "lt"}
_NO_FLOAT = Annotated[float, msgspec.Meta(gt=1, lt=0)]  # takes JSON numbers away from Decimal, and takes none

_Form = tuple[Any, Check | None]
"""The struct's type for a field's type, and what must be looked at afterwards."""

_EXACT: _Form = (Decimal | _NO_FLOAT, require_plausible)
_TEXT: _Form = (str, require_plain)
"""The two forms of an amount."""


class NoStructForm(TypeError):
    """A model says something that this derivation does not know; its facts are read by pydantic alone."""


def struct_form(model: type[BaseModel], *, checked: bool = True, texts: bool = False) -> type[msgspec.Struct]:
    """The struct for a fact; raises NoStructForm. One that is not `checked` is for what the other has taken before.

    With `texts`, amounts stay the texts that they are in JSON: for who does not ask for them.
    """
    return _struct_form(model, _TEXT if texts else _EXACT, whole=checked)[0]


def _struct_form(model: type[BaseModel], amount: _Form, *, whole: bool) -> tuple[type[msgspec.Struct], Parts]:
    """The struct, and what must be looked at afterwards; a `whole` one does that itself."""
    _require_plain(model)
    fields: list[tuple[str, Any, Any]] = []
    checks: list[tuple[str, Check]] = []
    names: dict[str, str] = {}
    namespace: dict[str, Any] = {
        name: found
        for name, found in vars(model).items()
        if inspect.isfunction(found) and not name.startswith(("_", "model_"))
    }
    for name, info in model.model_fields.items():
        if info.alias is not None or info.validation_alias is not None:
            raise NoStructForm(f"{model.__name__}.{name} has an alias")
        form, check = _form(info.annotation, info.metadata, amount)
        stored = name
        if _is_json(info.annotation):
            stored = names[name] = f"{name}_json"
            namespace[name] = _parsed(stored)
        fields.append((stored, form, _default(model, name, info, empty=stored != name)))
        if check is not None:
            checks.append((stored, check))
    parts = Parts(tuple(checks))
    if whole and checks:
        namespace["__post_init__"] = checking(parts)
    form = msgspec.defstruct(
        model.__name__,
        fields,
        namespace=namespace,
        rename={stored: name for name, stored in names.items()},
        kw_only=True,
        frozen=True,
        gc=False,
        forbid_unknown_fields=True,
    )
    return form, parts


def _require_plain(model: type[BaseModel]) -> None:
    decorators = model.__pydantic_decorators__
    own = (decorators.validators, decorators.field_validators, decorators.root_validators, decorators.model_validators)
    if any(own) or model.__pydantic_post_init__ is not None:
        raise NoStructForm(f"{model.__name__} has validators of its own")
    if dict(model.model_config) != {"frozen": True, "extra": "ignore"}:
        raise NoStructForm(f"{model.__name__} has settings of its own: {model.model_config}")
    if issubclass(model, Fact):
        if inspect.getattr_static(model, "decode") is not inspect.getattr_static(Fact, "decode"):
            raise NoStructForm(f"{model.__name__} is decoded in its own way")
    elif not issubclass(model, Value):
        raise NoStructForm(f"{model.__name__} is neither a fact nor a part of one")


def _default(model: type[BaseModel], name: str, info: FieldInfo, *, empty: bool) -> Any:
    if info.is_required():
        return msgspec.NODEFAULT
    default = info.get_default(call_default_factory=True, validated_data={})
    if empty and default == {}:
        return msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    if default is None or isinstance(default, str | int | StrEnum):
        return default
    if default in ([], {}):
        return msgspec.field(default_factory=type(default))
    raise NoStructForm(f"{model.__name__}.{name} has the default {default!r}")


def _form(annotation: Any, metadata: Sequence[Any], amount: _Form) -> _Form:
    if typing.get_origin(annotation) is Annotated:
        annotation, *inner = typing.get_args(annotation)
        return _form(annotation, (*inner, *metadata), amount)
    given = [one for part in metadata for one in (part.metadata if isinstance(part, FieldInfo) else (part,))]
    found = (
        _constrained(annotation, given, amount)
        if given
        else _plain(annotation, amount) or _composed(annotation, amount)
    )
    if found is None:
        raise NoStructForm(f"no struct form is known for {annotation} with {given}")
    return found


def _constrained(annotation: Any, given: Sequence[Any], amount: _Form) -> _Form | None:
    if _is(annotation, given, _TIME):
        return Annotated[datetime.datetime, msgspec.Meta(tz=True)], require_utc
    if _is(annotation, given, _DECIMAL):
        return amount
    if annotation is int and all(type(one) in _BOUNDS for one in given):
        bounds = {_BOUNDS[type(one)]: getattr(one, _BOUNDS[type(one)]) for one in given}
        return Annotated[int, msgspec.Meta(**bounds)], None
    if annotation in (str, int):
        return annotation, Judged(Annotated[annotation, *given])
    return None


def _plain(annotation: Any, amount: _Form) -> _Form | None:
    if annotation in (str, int, bool, datetime.date) or (
        isinstance(annotation, type) and issubclass(annotation, StrEnum)
    ):
        return annotation, None
    if _is_json(annotation):
        return msgspec.Raw, require_object
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        form, parts = _struct_form(annotation, amount, whole=False)
        return form, parts if parts.checks else None
    return None


def _composed(annotation: Any, amount: _Form) -> _Form | None:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType) and NoneType in arguments and len(arguments) == 2:
        form, check = _form(next(one for one in arguments if one is not NoneType), (), amount)
        return form | None, None if check is None else Maybe(check)
    if origin is list:
        form, check = _form(arguments[0], (), amount)
        return list[form], None if check is None else Each(check)  # type: ignore[valid-type]  # made at run time
    if origin is dict and arguments[0] is str:
        form, check = _form(arguments[1], (), amount)
        if check is None:
            return dict[str, form], None  # type: ignore[valid-type]  # made at run time
    return None


def _is(annotation: Any, metadata: Sequence[Any], known: tuple[Any, ...]) -> bool:
    return annotation is known[0] and list(metadata) == list(known[1:])


def _is_json(annotation: Any) -> bool:
    return typing.get_origin(annotation) is dict and typing.get_args(annotation) == (str, Any)


def _parsed(stored: str) -> property:
    return property(lambda self: from_json(bytes(getattr(self, stored))))
