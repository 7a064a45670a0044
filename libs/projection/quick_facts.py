"""Reading the ordinary record fast: the latest version of one event, as our publishers write it.

A quick reader answers None for everything else, which says nothing about the record: `record.py` then reads it in the
ordinary way, and only that way refuses. Where this one answers, the ordinary way gives an equal fact: tests compare
them on every example, on generated facts and on facts with random damage. Compiled (`libs/compiled.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from libs.bus.message import REDRIVE_TO
from libs.bus.plain_records import PlainRecord
from libs.projection.header_layout import HeaderLayout
from libs.projection.struct_form import NoStructForm, struct_form
from schemas.envelope import Header
from schemas.event import Fact
from schemas.registry import BY_MODEL

if TYPE_CHECKING:
    from mypy_extensions import i64

_BACKSLASH: Final = 0x5C  # bytes are looked for in bytes by their numbers: five times as fast as `b"\\" in value`
_MOST_LAYOUTS: Final = 256
_MOST_KEY_CHARACTERS: Final = 256
_FIRST_YEAR: Final = 2  # in these years no offset from UTC leads out of those that a datetime can hold
_LAST_YEAR: Final = 9998
_REQUIRED: Final = 0b1111111
_TIME_BYTES: Final = 27  # 2026-03-14T15:09:26.535897Z
_ZERO: Final = 0x30
_TWO: Final = 0x32
_DASH: Final = 0x2D
_COLON: Final = 0x3A
_POINT: Final = 0x2E
_T: Final = 0x54
_Z: Final = 0x5A


Quick = tuple[str, Fact, str, str | None]
"""What a projection needs of a record: the row's key, the fact, the event's id and its correlation id.

The fact has the attributes and methods of the pydantic model's instance. A plain tuple: it is made for each record.
"""


class QuickFacts:
    """Reads one fact model's records. `form`: the class of its facts, None when the model has no struct form.

    With `texts`, the amounts of what it reads stay texts; those of what it decodes again do not.
    """

    def __init__(self, model: type[Fact], *, texts: bool = False) -> None:
        version = BY_MODEL[model]
        self._model = model
        self._type = version.type.encode()
        try:
            self.form: type[msgspec.Struct] | None = struct_form(model, texts=texts)
        except NoStructForm:
            self.form = None
        self._decode = None if self.form is None else _decoder(self.form)
        self._decode_again: Callable[[bytes], Fact] | None = None
        self._layouts: dict[int, HeaderLayout] = {}  # by the length of all headers

    def decode(self, value: bytes) -> Fact:
        """The fact in a value that `read` has taken, also as texts: what was looked at then is not looked at again."""
        decode = self._decode_again
        if decode is None:
            decode = self._decode_again = _decoder(struct_form(self._model, checked=False))
        try:
            return decode(value)
        except ValueError:  # an amount stands there twice, and the first one is a text that is no amount
            return self._model.model_validate_json(value)

    def read(self, headers: Sequence[Header], value: bytes | None) -> Quick | None:
        """The fact in a record, or None if this must be looked at in the ordinary way."""
        try:
            return self._read(_envelope(headers, self._type), value)
        except (TypeError, ValueError):
            return None

    def read_plain(self, record: PlainRecord) -> Quick | None:
        """The same of a record that stands in its batch, sooner; raises NotPlain where its headers are none."""
        try:
            found = self._envelope_in_place(record.header_bytes)
        except ValueError:
            found = None
        if found is None:
            return self.read(record.headers, record.value)
        return self._read(found, record.value)

    def _envelope_in_place(self, data: bytes) -> tuple[str, str | None] | None:
        """As the function of this name, which reads the first headers of each layout."""
        layout = self._layouts.get(len(data))
        known = None if layout is None else layout.read(data)
        if known is None:
            found = _envelope_in_place(data, self._type)
            if found is not None:
                if len(self._layouts) == _MOST_LAYOUTS:
                    self._layouts.clear()
                self._layouts[len(data)] = HeaderLayout(data)
            return found
        event_id, time, correlation_id = known
        if not (_is_ours(time) or _is_usual(time.decode())):
            return None
        return event_id.decode(), correlation_id.decode() if correlation_id else None

    def _read(self, found: tuple[str, str | None] | None, value: bytes | None) -> Quick | None:
        decode = self._decode
        if found is None or decode is None or value is None or (_BACKSLASH in value and b"\\u0000" in value):
            return None
        try:
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
    if not _is_usual(time.decode()):
        return None
    return event_id.decode(), None if correlation_id is None else correlation_id.decode()


_PLACES: Final = {
    b"ce_id": 1,
    b"ce_time": 2,
    b"ce_subject": 4,
    b"ce_source": 8,
    b"ce_dataschema": 16,
    b"ce_type": 32,
    b"ce_specversion": 64,
    b"ce_correlationid": 128,
    b"ce_causationid": 256,
    b"content-type": 512,
    b"traceparent": 1024,
    b"tracestate": 2048,
}
"""A bit for each header that a publisher of ours writes."""


def _envelope_in_place(  # noqa: PLR0911  (written out: it runs for every record)
    data: bytes, event_type: bytes
) -> tuple[str, str | None] | None:
    """As `_envelope`, of headers as they stand in a batch; None also for what `_envelope` would take.

    All of it is ASCII without U+0000: so every length takes one byte, and neither a name nor a value is empty.
    """
    if not data.isascii() or 0 in data:
        return None
    event_id, time, correlation_id = b"", b"", b""
    seen: i64 = 0
    count: i64 = 0
    size: i64 = len(data)
    at: i64 = 1
    while at < size:
        length: i64 = data[at]
        behind: i64 = at + 1 + (length >> 1)
        bit: i64 = _PLACES.get(data[at + 1 : behind], 0)
        if bit == 0 or seen & bit or length & 1 or behind >= size:
            return None
        seen |= bit
        count += 1
        length = data[behind]
        at = behind + 1 + (length >> 1)
        if length & 1:
            return None
        if bit == 1:
            event_id = data[behind + 1 : at]
        elif bit == 2:
            time = data[behind + 1 : at]
        elif bit == 32:
            if data[behind + 1 : at] != event_type:
                return None
        elif bit == 64:
            if data[behind + 1 : at] != b"1.0":
                return None
        elif bit == 128:
            correlation_id = data[behind + 1 : at]
    if at != size or seen & _REQUIRED != _REQUIRED or data[0] != 2 * count or not _is_usual(time.decode()):
        return None
    return event_id.decode(), correlation_id.decode() if correlation_id else None


def _is_usual(time: str) -> bool:
    """Whether this is a time that a datetime can hold at any offset from UTC. Raises ValueError for what is no time."""
    happened = datetime.fromisoformat(time)
    return happened.tzinfo is not None and _FIRST_YEAR <= happened.year <= _LAST_YEAR


def _is_ours(time: bytes) -> bool:
    """Whether this is a time as our publishers write it, on a day that each month has: a usual one, seen sooner."""
    return (
        len(time) == _TIME_BYTES
        and time[0] == _TWO
        and _two_digits(time, 1) <= 99
        and _two_digits(time, 2) <= 99
        and time[4] == _DASH
        and 1 <= _two_digits(time, 5) <= 12
        and time[7] == _DASH
        and 1 <= _two_digits(time, 8) <= 28
        and time[10] == _T
        and _two_digits(time, 11) <= 23
        and time[13] == _COLON
        and _two_digits(time, 14) <= 59
        and time[16] == _COLON
        and _two_digits(time, 17) <= 59
        and time[19] == _POINT
        and _two_digits(time, 20) <= 99
        and _two_digits(time, 22) <= 99
        and _two_digits(time, 24) <= 99
        and time[26] == _Z
    )


def _two_digits(text: bytes, at: i64) -> i64:
    """The number that stands there; 100 for what is none."""
    tens: i64 = text[at] - _ZERO
    ones: i64 = text[at + 1] - _ZERO
    return tens * 10 + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else 100


def _decoder(form: type[msgspec.Struct]) -> Callable[[bytes], Fact]:
    """To whoever folds, a struct with the model's attributes and methods is a fact."""
    return cast("Callable[[bytes], Any]", msgspec.json.Decoder(form).decode)
