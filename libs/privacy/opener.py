"""Reading what is sealed: rows of read models, facts, and plain JSON, opened with the keys that are still there."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel
from pydantic_core import from_json

from libs.privacy.fields import SEALED
from libs.privacy.keys import Keys
from libs.privacy.token import TOKEN, PersonKey

ERASED = "(erased)"
"""What stands in the place of text that nobody can read any more."""

T = TypeVar("T")


async def opened(value: T, keys: Keys) -> T:
    """The same value with everything sealed in it opened, wherever it stands: texts, or `(erased)`; objects, or `{}`.

    Keys are asked for at every call, so that an erasure holds at once. Raises Broken, DatabaseAway, SecretsError.
    """
    ids: set[str] = set()
    _walk(value, lambda text: ids.add(found[1]) if (found := TOKEN.fullmatch(text)) else None)
    if not ids:
        return value
    known = await keys.by_id(ids)
    result: T = _replace(value, known)
    return result


def _replace(value: Any, known: Mapping[str, PersonKey]) -> Any:
    if isinstance(value, str):
        found = TOKEN.fullmatch(value)
        if found is None:
            return value
        text = _text(found[1], found[2], known)
        return ERASED if text is None else text.decode()
    if isinstance(value, dict) and value.keys() == {SEALED} and isinstance(value[SEALED], str):
        found = TOKEN.fullmatch(value[SEALED])
        if found is not None:
            text = _text(found[1], found[2], known)
            return {} if text is None else from_json(text)
    return _rebuilt(value, lambda part: _replace(part, known))


def _text(key_id: str, ciphertext: str, known: Mapping[str, PersonKey]) -> bytes | None:
    key = known.get(key_id)
    return None if key is None else key.open(ciphertext)


def _rebuilt(value: Any, part: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {name: part(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(part(one) for one in value)
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.replace(value, **{name: part(getattr(value, name)) for name in value.__struct_fields__})
    if isinstance(value, BaseModel):
        return value.model_copy(update={name: part(getattr(value, name)) for name in type(value).model_fields})
    return value


def _walk(value: Any, see: Callable[[str], None]) -> None:
    if isinstance(value, str):
        see(value)
        return

    def part(one: Any) -> Any:
        _walk(one, see)
        return one

    _rebuilt(value, part)
