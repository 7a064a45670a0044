"""Which fields of a fact hold personal data (`schemas.values.PERSONAL`), and the fact with these fields sealed.

| in the model | sealed                                                         |
|--------------|----------------------------------------------------------------|
| a string     | `"sealed:v1:…"`                                                |
| an object    | `{"sealed": "sealed:v1:…"}`, of its JSON                       |
| null, "", {} | as they are: there is nothing to hide                          |

So a sealed fact is of the same schema as before, and every reader of it goes on reading. What is sealed with the same
key already stays as it is: a row's state, read sealed and published again with some fields changed.
"""

import types
import typing
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel
from pydantic_core import to_json

from libs.privacy.token import TOKEN, Broken, PersonKey

SEALED = "sealed"
M = TypeVar("M", bound=BaseModel)


class NotSealable(TypeError):
    """A field is marked as personal data and is neither a string nor an object: give it one of these types."""


def seal_fields(model: M, key: PersonKey) -> M:
    """A fact, or a part of one, with all its personal data sealed."""
    personal, nested = _fields(type(model))
    update: dict[str, Any] = {name: _seal(value, key) for name in personal if (value := getattr(model, name))}
    for name in nested:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            update[name] = seal_fields(value, key)
        elif value:
            update[name] = [seal_fields(one, key) for one in value]
    return model.model_copy(update=update) if update else model


def marked(model: type[BaseModel]) -> tuple[str, ...]:
    """The names of a model's own marked fields; those of its parts are not among them."""
    return _fields(model)[0]


def has_personal_data(model: type[BaseModel]) -> bool:
    """Whether any field of a model, or of its parts, is marked."""
    return any(_fields(model))


def _seal(value: Any, key: PersonKey) -> Any:
    if isinstance(value, str):
        return value if _is_sealed(value, key) else key.seal(value.encode())
    if value.keys() == {SEALED} and _is_sealed(value[SEALED], key):
        return value
    return {SEALED: key.seal(to_json(value))}


def _is_sealed(value: Any, key: PersonKey) -> bool:
    """Whether it is sealed with this very key. What only looks so is text like any other, and nobody else's secret."""
    found = TOKEN.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[1] != key.id:
        return False
    try:
        return key.cipher is None or not found[2] or key.open(found[2]) is not None
    except Broken:
        return False


@cache
def _fields(model: type[BaseModel]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the marked fields, and of those whose parts have marked ones. Raises NotSealable."""
    personal, nested = [], []
    for name, info in model.model_fields.items():
        extra = info.json_schema_extra
        parts = _parts(info.annotation)
        if isinstance(extra, dict) and extra.get("x-personal-data"):
            if not parts <= {str, dict, types.NoneType}:
                raise NotSealable(f"{model.__name__}.{name}: only strings and objects can be sealed")
            personal.append(name)
        elif any(issubclass(part, BaseModel) and has_personal_data(part) for part in parts):
            nested.append(name)
    return tuple(personal), tuple(nested)


def _parts(annotation: Any) -> set[type]:
    """The classes that a field's type is made of: `list[Opinion] | None` gives Opinion and NoneType."""
    origin = typing.get_origin(annotation)
    if origin is dict:
        return {dict}
    if origin is Annotated:
        return _parts(typing.get_args(annotation)[0])
    if origin is not None:
        return set().union(*(_parts(part) for part in typing.get_args(annotation) if part is not Ellipsis))
    return {annotation} if isinstance(annotation, type) else set()
