"""What writes take: checked at once, as StockX does, before an operation begins. Unknown properties are refused."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from services.sandbox.stockx.errors import Refusal
from services.sandbox.stockx.prices import RATES
from services.sandbox.wire import compact

_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

LARGEST_BODY = 256 * 1024

NEW = ("variantId", "amount", "currencyCode", "expiresAt", "active", "inventoryType")
CHANGE = ("amount", "currencyCode", "expiresAt")


async def body_of(request: web.Request) -> Mapping[str, Any]:
    """The JSON object in a request's body; raise Refusal 413, 415 or 400."""
    raw = await request.read()
    if len(raw) > LARGEST_BODY:
        raise Refusal(413, "Request too large")
    if request.content_type != "application/json":
        raise Refusal(415, "Unsupported media type: send application/json")
    try:
        told = json.loads(raw)
        compact(told)  # what could not be told back is refused now
    except (ValueError, RecursionError):
        raise Refusal(400, "The body is not JSON") from None
    if not isinstance(told, dict):
        raise Refusal(400, "The body must be an object")
    return told


def checked(told: Any, allowed: tuple[str, ...], required: tuple[str, ...], now: datetime) -> dict[str, Any]:
    """The properties that were given, `expiresAt` as a time; raise Refusal 400."""
    if not isinstance(told, dict):
        raise Refusal(400, "An object is expected")
    unknown = sorted({*told} - {*allowed})
    if unknown:
        raise Refusal(400, f"Unknown properties: {', '.join(unknown)[:100]}")
    if missing := [name for name in required if told.get(name) is None]:
        raise Refusal(400, f"Missing properties: {', '.join(missing)}")
    wants = {name: value for name, value in told.items() if value is not None}
    for name, check in _CHECKS.items():
        if name in wants and not check(wants[name]):
            raise Refusal(400, f"Invalid {name}")
    if "expiresAt" in wants:
        wants["expiresAt"] = _moment(wants["expiresAt"])
        if wants["expiresAt"] <= now:
            raise Refusal(400, "expiresAt lies in the past")
    return wants


def identifier(request: web.Request, name: str) -> str:
    """An identifier of the path; raise Refusal 400 if it can be none."""
    value = request.match_info[name]
    if not _UUID.fullmatch(value):
        raise Refusal(400, f"Invalid {name}")
    return value


def _moment(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError, AttributeError):
        raise Refusal(400, "Invalid expiresAt") from None


def _amount(value: Any) -> bool:
    return isinstance(value, str) and bool(_AMOUNT.fullmatch(value)) and float(value) > 0


_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "amount": _amount,
    "currencyCode": lambda value: value in RATES,
    "active": lambda value: isinstance(value, bool),
    "inventoryType": lambda value: value in ("STANDARD", "DIRECT"),
    "variantId": lambda value: isinstance(value, str),
    "listingId": lambda value: isinstance(value, str),
    "quantity": lambda value: isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 500,
}
