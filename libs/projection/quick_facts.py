"""Reading the ordinary record fast: the latest version of one event, as our publishers write it.

A quick reader answers None for everything else, which says nothing about the record: `record.py` then reads it in the
ordinary way, and only that way refuses. Where this one answers, the ordinary way gives an equal fact: tests compare
them on every example, on generated facts and on facts with random damage.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import cast

import msgspec

from libs.bus.message import REDRIVE_TO
from libs.projection.struct_form import NoStructForm, struct_form
from schemas.envelope import Header
from schemas.event import Fact
from schemas.registry import BY_MODEL

# msgspec rounds what lies below a microsecond, pydantic cuts it off.
_BELOW_MICROSECONDS = re.compile(rb"\.[0-9]{7}").search
_MOST_KEY_CHARACTERS = 256
_YEARS = range(2, 9999)  # in these no offset from UTC leads out of the years that a datetime can hold


Quick = tuple[str, Fact, str, str | None]
"""What a projection needs of a record: the row's key, the fact, the event's id and its correlation id.

The fact has the attributes and methods of the pydantic model's instance. A plain tuple: it is made for each record.
"""


class QuickFacts:
    """Reads one fact model's records. `form`: the class of its facts, None when the model has no struct form."""

    def __init__(self, model: type[Fact]) -> None:
        version = BY_MODEL[model]
        self._type = version.type.encode()
        try:
            self.form: type[msgspec.Struct] | None = struct_form(model)
        except NoStructForm:
            self.form = None
        # To whoever folds, a struct with the model's attributes and methods is a fact.
        self._decode: Callable[[bytes], Fact] | None = None
        if self.form is not None:
            self._decode = cast("Callable[[bytes], Fact]", msgspec.json.Decoder(self.form).decode)

    def read(self, headers: Sequence[Header], value: bytes | None) -> Quick | None:
        """The fact in a record, or None if this must be looked at in the ordinary way."""
        if self._decode is None or value is None or (b"\\" in value and b"\\u0000" in value):
            return None
        try:
            identity = self._identity(headers)
            if identity is None or _BELOW_MICROSECONDS(value):
                return None
            fact = self._decode(value)
            key = fact.key()
        except (KeyError, TypeError, ValueError, ArithmeticError, RecursionError):
            return None  # msgspec's and pydantic's errors are ValueErrors, too
        return (key, fact, *identity) if len(key) <= _MOST_KEY_CHARACTERS else None

    def _identity(self, headers: Sequence[Header]) -> tuple[str, str | None] | None:
        """The event's id and correlation id."""
        found = dict(headers)
        if len(found) != len(headers) or found["ce_type"] != self._type or found["ce_specversion"] != b"1.0":
            return None
        event_id, correlation_id = found["ce_id"], found.get("ce_correlationid")
        if not (event_id and found["ce_source"] and found["ce_subject"] and found["ce_dataschema"]):
            return None
        every = b"".join(found.values())
        if not every.isascii() or REDRIVE_TO in found:
            return None
        time = datetime.fromisoformat(found["ce_time"].decode())
        if time.tzinfo is None or time.year not in _YEARS:
            return None
        if b"\0" in event_id or (correlation_id is not None and b"\0" in correlation_id):
            return None
        return event_id.decode(), None if correlation_id is None else correlation_id.decode()
