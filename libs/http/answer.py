"""An HTTP API's answer: bounded in size, its JSON exact, its Retry-After understood."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

MAX_RETRY_AFTER = timedelta(days=1)  # a larger one is a mistake of the other side, or an attack on our patience


class NotJson(ValueError):
    """The bytes are not a JSON text; the message says why, without the bytes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer. Header names are case-insensitive; `body` is the JSON of `raw` (None if it was empty)."""

    status: int
    headers: Mapping[str, str]
    body: Any
    raw: bytes = b""


def exact_json(raw: bytes) -> Any:
    """Read JSON (RFC 8259) with every fraction as a Decimal: money survives; raise NotJson."""
    try:
        return json.loads(raw, parse_float=Decimal, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg} at character {error.pos}") from None
    except UnicodeDecodeError:
        raise NotJson("it is not in UTF-8") from None
    except RecursionError:
        raise NotJson("it is nested too deeply") from None
    except (ValueError, ArithmeticError) as error:  # an integer of thousands of digits; NaN; an exponent out of range
        raise NotJson(str(error)[:120]) from None


def _no_constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not a JSON number")


def retry_after(value: str | None, now: datetime | None = None) -> timedelta | None:
    """A Retry-After header in seconds or as a date (RFC 9110, section 10.2.3); None if absent or unreadable."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        seconds = (date - (now or datetime.now(UTC))).total_seconds()
    if not math.isfinite(seconds):
        return None
    return timedelta(seconds=min(max(seconds, 0.0), MAX_RETRY_AFTER.total_seconds()))
