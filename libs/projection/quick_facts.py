"""Reading the ordinary record fast: the latest version of one event, as our publishers write it.

A quick reader answers None for everything else, which says nothing about the record: `record.py` then reads it in the
ordinary way, and only that way refuses. Where this one answers, the ordinary way gives an equal fact: tests compare
them on every example, on generated facts and on facts with random damage. Compiled (`libs/compiled.py`).
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, cast

import msgspec

from libs.bus.message import REDRIVE_TO
from libs.projection.struct_form import NoStructForm, struct_form
from schemas.envelope import Header
from schemas.event import Fact
from schemas.registry import BY_MODEL

# msgspec rounds what lies below a microsecond, pydantic cuts it off.
_BELOW_MICROSECONDS: Final = re.compile(rb"\.[0-9]{7}").search
_MOST_KEY_CHARACTERS: Final = 256
_FIRST_YEAR: Final = 2  # in these years no offset from UTC leads out of those that a datetime can hold
_LAST_YEAR: Final = 9998
_REQUIRED: Final = 0b1111111


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
        self._decode_again: Callable[[bytes], Fact] | None = None

    @property
    def decode(self) -> Callable[[bytes], Fact]:
        """Gives the fact in a value that `read` has taken: what was looked at then is not looked at again."""
        if self._decode_again is None:
            self._decode_again = _decoder(struct_form(self._model, checked=False))
        return self._decode_again

    def read(self, headers: Sequence[Header], value: bytes | None) -> Quick | None:
        """The fact in a record, or None if this must be looked at in the ordinary way."""
        decode = self._decode
        if decode is None or value is None or (b"\\" in value and b"\\u0000" in value):
            return None
        try:
            found = _envelope(headers, self._type)
            if found is None or _BELOW_MICROSECONDS(value):
                return None
            fact = decode(value)
            key = fact.key()
        except (KeyError, TypeError, ValueError, ArithmeticError, RecursionError):
            return None  # msgspec's and pydantic's errors are ValueErrors, too
        if len(key) > _MOST_KEY_CHARACTERS:
            return None
        return key, fact, found[0], found[1]


def _envelope(  # noqa: PLR0911, PLR0912  (written out: it runs for every record)
    headers: Sequence[Header], event_type: bytes
) -> tuple[str, str | None] | None:
    """The event's id and its correlation id, or None, or TypeError or ValueError, for what is out of the ordinary."""
    event_id, time = b"", b""
    correlation_id: bytes | None = None
    values: list[bytes] = []
    others: list[str] = []
    seen = 0
    for name, value in headers:
        values.append(value)
        if name == "ce_id":
            event_id, bit = value, 1
        elif name == "ce_time":
            time, bit = value, 2
        elif name == "ce_subject":
            bit = 4
        elif name == "ce_source":
            bit = 8
        elif name == "ce_dataschema":
            bit = 16
        elif name == "ce_type":
            if value != event_type:
                return None
            bit = 32
        elif name == "ce_specversion":
            if value != b"1.0":
                return None
            bit = 64
        else:
            if name == "ce_correlationid":
                correlation_id = value
            if name in others or name == REDRIVE_TO:
                return None
            others.append(name)
            continue
        if not value or seen & bit:
            return None
        seen |= bit
    every = b"".join(values)
    if seen != _REQUIRED or not every.isascii() or b"\0" in every:
        return None
    happened = datetime.fromisoformat(time.decode())
    if happened.tzinfo is None or not _FIRST_YEAR <= happened.year <= _LAST_YEAR:
        return None
    return event_id.decode(), None if correlation_id is None else correlation_id.decode()


def _decoder(form: type[msgspec.Struct]) -> Callable[[bytes], Fact]:
    """To whoever folds, a struct with the model's attributes and methods is a fact."""
    return cast("Callable[[bytes], Any]", msgspec.json.Decoder(form).decode)
