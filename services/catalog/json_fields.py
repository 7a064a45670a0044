"""JSON in requests (attributesJson, payloadJson, buyerAddressJson): an object, or a text that holds one.

It is taken only as it can be kept and told again: PostgreSQL's jsonb has no NUL, UTF-8 no half of a surrogate pair, and
readers no endless depth.
"""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from libs.http.answer import NotJson, exact_json
from libs.marketplaces.payload import MAX_DEPTH, as_json
from schemas.values import Json

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def _json(given: Any) -> Any:
    if isinstance(given, str):
        try:
            given = exact_json(given.encode())
        except NotJson as error:
            raise ValueError(f"the text is not JSON: {error}") from None
    if not isinstance(given, dict):
        return given
    _require_storable(given, MAX_DEPTH)
    return as_json(given)


def _require_storable(value: Any, depth: int) -> None:
    if depth == 0:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, str) and _UNSTORABLE.search(value):
        raise ValueError("a text in it holds a NUL character or half of a surrogate pair")
    if isinstance(value, dict):
        for name, inner in value.items():
            _require_storable(name, 1)
            _require_storable(inner, depth - 1)
    if isinstance(value, list):
        for inner in value:
            _require_storable(inner, depth - 1)


JsonObject = Annotated[Json, BeforeValidator(_json), Field(description="An object, or a text that holds one")]
