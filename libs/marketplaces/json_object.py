"""Reading a delivery's body: one strict JSON object, and identifiers that fit into Kafka keys and headers.

Strict, because the bytes are kept and read again by others: what two parsers could read differently (duplicate names,
lone surrogates, infinities, a byte order mark; RFC 8259, RFC 7493) is refused here, before it is in the topic.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import msgspec
from mypy_extensions import i64

from libs.marketplaces.contract import BadPayload
from libs.printable import is_printable

MAX_DEPTH = 64
"""No marketplace nests deeper; what does is an attack on a reader further down."""

MAX_IDENTIFIER = 256


class _Ambiguous(ValueError):
    """JSON that two parsers may read differently."""


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; raise BadPayload. No error repeats a value of it."""
    plain = _read_plain(body)
    if plain is not None:
        return plain
    try:
        text = body.decode("utf-8")
        value = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # lone surrogates fail
    except RecursionError:
        raise BadPayload(f"The body is nested more than {MAX_DEPTH} levels deep.") from None
    except UnicodeError:
        raise BadPayload("The body is not UTF-8.") from None
    except ValueError as error:
        what = str(error) if isinstance(error, _Ambiguous) else "it is malformed"
        raise BadPayload(f"The body is not JSON that can be read in one way only: {what}.") from None
    if not isinstance(value, dict):
        raise BadPayload("The body is not a JSON object.")
    if _deeper(value, MAX_DEPTH):
        raise BadPayload(f"The body is nested more than {MAX_DEPTH} levels deep.")
    return value


def _read_plain(body: bytes) -> dict[str, Any] | None:
    """The object in a body that a fast decoder can be trusted with, None for the slow and strict one to decide.

    The fast decoder keeps the last of two equal names without a word. But without a backslash in the body each text in
    it, name or value, stands between two quotation marks, and there are no others: where the object has as many texts
    as that, none was dropped. Nor was one where the body has no byte that the object does not need: that is looked at
    first, as it needs no second look at the body. Numbers with a fraction or an exponent it may read in a way of its
    own, and very long ones: where there are any, and where there is a backslash, it is trusted if the object, encoded
    again, is the body to the byte.
    """
    try:
        value = _FAST.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if type(value) is not dict:
        return None
    if body.find(b"\\") < 0:  # `in` raises and catches a TypeError first
        found = _measure(value, MAX_DEPTH)
        if found >= 0 and (found % _TEXT == len(body) or 2 * (found // _TEXT) == body.count(b'"')):
            return value
    return value if _ENCODER.encode(value) == body and not _deeper(value, MAX_DEPTH) else None


def _measure(value: dict[str, Any] | list[Any], levels: i64) -> i64:
    """How many texts are in an object or a list, in units of `_TEXT`, and the fewest bytes that it can be written in.

    Below 0 where there is a float, or more than so many levels.
    """
    if not levels:
        return _NONE
    found: i64 = 1 if value else 2  # what begins it, and what ends it where there is no last member
    if isinstance(value, dict):
        for name, one in value.items():
            member = _measure_member(one, levels)
            if member < 0:
                return _NONE
            found += member + _TEXT + _AROUND_NAME
            found += len(name)  # on its own, it needs no number of any size
        return found
    for one in value:
        member = _measure_member(one, levels)
        if member < 0:
            return _NONE
        found += member + 1
    return found


def _measure_member(value: object, levels: i64) -> i64:
    if type(value) is str:
        size: i64 = len(value)
        return size + _TEXT + _QUOTES
    if isinstance(value, (dict, list)):
        return _measure(value, levels - 1)
    if isinstance(value, float):
        return _NONE
    if isinstance(value, int) and not isinstance(value, bool):
        return _length(value) if -_LONG < value < _LONG else 1  # a long one's digits would have to be made first
    return len("false") if value is False else len("null")  # as long as "true"


def _length(number: i64) -> i64:
    """The characters of a whole number."""
    found: i64 = 1
    if number < 0:
        number = -number
        found = 2
    while number >= 10:
        number //= 10
        found += 1
    return found


def _deeper(value: dict[str, Any] | list[Any], levels: int) -> bool:
    """Whether objects and lists stand in each other more than so many times."""
    if not levels:
        return True
    for one in value.values() if isinstance(value, dict) else value:
        if isinstance(one, (dict, list)) and _deeper(one, levels - 1):
            return True
    return False


def identifier(value: object, name: str, most: int = MAX_IDENTIFIER) -> str:
    """A value as an identifier: a text of 1 to `most` printable characters, or a whole number; raise BadPayload."""
    if type(value) is str and 0 < len(value) <= most and is_printable(value) and value[0] != " ":
        return value  # what nearly all are
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not is_identifier(text, most):
        raise BadPayload(f"{name} must be a text of 1 to {most} printable characters.")
    return text


def is_identifier(text: str, most: int = MAX_IDENTIFIER) -> bool:
    """Whether a text may become a Kafka key or header. Printable excludes controls, surrogates and line ends."""
    return 0 < len(text) <= most and is_printable(text) and not text.isspace()


def inner(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object in a field; raise BadPayload."""
    found = value.get(name)
    if not isinstance(found, Mapping):
        raise BadPayload(f"{name} must be an object.")
    return found


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Ambiguous("a name stands twice in an object")
    return found


def _constant(_name: str) -> NoReturn:
    raise _Ambiguous("it holds NaN or Infinity")


def _finite(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise _Ambiguous("a number is out of range")
    return number


_TEXT: Final = 1 << 32
"""More than the bytes of any body."""

_NONE: Final = -1

_LONG: Final = 1 << 60

_QUOTES: Final = 2
_AROUND_NAME: Final = 4
"""Its quotation marks, the colon, and the comma or what ends the object."""

_FAST: Final = msgspec.json.Decoder()
_ENCODER: Final = msgspec.json.Encoder()
_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_finite)
