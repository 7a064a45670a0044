"""JSON as the marketplaces put it on the wire: compact, with letters as they are."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web


def compact(value: Any) -> bytes:
    """UTF-8, no spaces, keys in the order given."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer with a JSON body."""
    return web.Response(body=compact(value), status=status, headers=headers, content_type="application/json")
