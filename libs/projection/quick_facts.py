"""Reading the ordinary record fast: the latest version of one event, as our publishers write it.

A quick reader answers None for everything else, which says nothing about the record: `record.py` then reads it in the
ordinary way, and only that way refuses. Where this one answers, the ordinary way gives an equal fact: tests compare
them on every example, on generated facts and on facts with random damage.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
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
_FIRST_YEAR, _LAST_YEAR = 2, 9998  # in these no offset from UTC leads out of the years that a datetime can hold


Quick = tuple[str, Fact, str, str | None]
"""What a projection needs of a record: the row's key, the fact, the event's id and its correlation id.

The fact has the attributes and methods of the pydantic model's instance. A plain tuple: it is made for each record.
"""


class QuickFacts:
    """Reads one fact model's records. `form`: the class of its facts, None when the model has no struct form."""

    def __init__(self, model: type[Fact]) -> None:
        version = BY_MODEL[model]
        self._model = model
        self._type = version.type.encode()
        try:
            self.form: type[msgspec.Struct] | None = struct_form(model)
        except NoStructForm:
            self.form = None
        self._decode = None if self.form is None else _decoder(self.form)

    @cached_property
    def decode(self) -> Callable[[bytes], Fact]:
        """Gives the fact in a value that `read` has taken: what was looked at then is not looked at again."""
        return _decoder(struct_form(self._model, checked=False))

    def read(self, headers: Sequence[Header], value: bytes | None) -> Quick | None:
        """The fact in a record, or None if this must be looked at in the ordinary way."""
        if self._decode is None or value is None or (b"\\" in value and b"\\u0000" in value):
            return None
        try:
            found = dict(headers)
            event_id, time = found["ce_id"], found["ce_time"]
            every = b"".join(found.values())
            if (
                found["ce_type"] != self._type
                or found["ce_specversion"] != b"1.0"
                or not (event_id and found["ce_source"] and found["ce_subject"] and found["ce_dataschema"])
                or len(found) != len(headers)
                or REDRIVE_TO in found
                or not every.isascii()
                or b"\0" in every
                or _BELOW_MICROSECONDS(value)
            ):
                return None
            happened = datetime.fromisoformat(time.decode())
            if happened.tzinfo is None or not _FIRST_YEAR <= happened.year <= _LAST_YEAR:
                return None
            fact = self._decode(value)
            key = fact.key()
            correlation_id = found.get("ce_correlationid")
        except (KeyError, TypeError, ValueError, ArithmeticError, RecursionError):
            return None  # msgspec's and pydantic's errors are ValueErrors, too
        if len(key) > _MOST_KEY_CHARACTERS:
            return None
        return key, fact, event_id.decode(), None if correlation_id is None else correlation_id.decode()


def _decoder(form: type[msgspec.Struct]) -> Callable[[bytes], Fact]:
    """To whoever folds, a struct with the model's attributes and methods is a fact."""
    return cast("Callable[[bytes], Fact]", msgspec.json.Decoder(form).decode)
