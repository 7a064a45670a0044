"""Bodies that two readers could read differently are refused, and nothing but BadPayload is ever raised."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.marketplaces.contract import BadPayload
from libs.marketplaces.json_object import _TEXT, MAX_DEPTH, MAX_IDENTIFIER, _measure, identifier, read_object

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def nested(depth: int) -> bytes:
    """An object of so many levels, the object itself included."""
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'"text"', id="a text"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{} {}", id="two objects"),
        pytest.param(b'{"a":1', id="cut off"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="byte order mark"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"a":"\xff"}', id="not UTF-8"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', id="surrogate in UTF-8"),
        pytest.param(rb'{"a":"\ud800"}', id="lone surrogate"),
        pytest.param(rb'{"\udc00":1}', id="lone surrogate in a name"),
        pytest.param(b'{"a":1,"a":2}', id="a name twice"),
        pytest.param(rb'{"a":1,"\u0061":2}', id="a name twice, once escaped"),
        pytest.param(b'{"b":[{"a":1,"a":1}]}', id="a name twice, further down"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":-Infinity}', id="Infinity"),
        pytest.param(b'{"a":1e999}', id="out of range"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="5,000 digits"),
        pytest.param(b'{"a":"\x01"}', id="control character"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(nested(MAX_DEPTH + 1), id="too deep"),
        pytest.param(nested(900), id="much too deep"),
        pytest.param(nested(100_000), id="deeper than any stack"),
        pytest.param(b'{"a":' * 100_000, id="deep and cut off"),
    ],
)
def test_what_is_ambiguous_or_hostile_is_refused(body: bytes) -> None:
    with pytest.raises(BadPayload):
        read_object(body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(nested(MAX_DEPTH), id="as deep as allowed"),
        pytest.param(b'{"a":[' + b"[]," * 500 + b"[]]}", id="wide, not deep"),
        pytest.param(rb'{"a":"\ud83d\ude00"}', id="a pair of surrogates"),
        pytest.param(b' \r\n\t{"a" : 1 } ', id="white space"),
        pytest.param(b'{"a":{"b":1},"b":{"a":1}}', id="a name in two objects"),
        pytest.param(b'{"a":123456789012345678901234567890}', id="a large number"),
    ],
)
def test_what_is_unusual_and_clear_is_read(body: bytes) -> None:
    assert read_object(body) == json.loads(body)


@settings(deadline=None)
@given(st.dictionaries(st.text(st.characters(codec="utf-8")), _JSON, max_size=5), st.booleans())
def test_every_json_object_is_read_as_it_is(value: dict[str, object], escaped: bool) -> None:
    assert read_object(json.dumps(value, ensure_ascii=escaped).encode()) == value


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(BadPayload):
        assert isinstance(read_object(body), dict)


@pytest.mark.parametrize("value", ["a", "é", "x" * MAX_IDENTIFIER, 0, 7, 2**63])
def test_identifiers_are_texts_and_whole_numbers(value: object) -> None:
    assert identifier(value, "id") == str(value)


@pytest.mark.parametrize(
    "value",
    [None, "", " ", True, 1.5, [], {}, "a\nb", "a\x00", "\u2028", "\ud800", "x" * (MAX_IDENTIFIER + 1), 10**300],
)
def test_what_fits_no_header_is_no_identifier(value: object) -> None:
    with pytest.raises(BadPayload, match=r"^id must be"):
        identifier(value, "id")


_TOKENS = st.sampled_from(
    ["0", "-0", "-12", "9" * 40, "1.50", "1E2", "true", "false", "null", '""', '"x"', '"é"', "[]", "{}", '["a",1.0,{}]']
)


@given(
    st.lists(st.tuples(st.sampled_from(["a", "é", ""]) | st.integers().map(str), _TOKENS), max_size=40),
    st.sampled_from(["", " "]),
)
@settings(max_examples=500, deadline=None)
def test_an_object_without_escapes_is_read_as_it_is_unless_a_name_stands_twice(
    members: list[tuple[str, str]], blank: str
) -> None:
    """Compact and not, with any number of fractions, and numbers in each form."""
    body = f"{{{blank}{','.join(f'{chr(34)}{name}{chr(34)}:{token}' for name, token in members)}}}".encode()
    if len({name for name, _ in members}) == len(members):
        assert read_object(body) == json.loads(body)
    else:
        with pytest.raises(BadPayload):
            read_object(body)


@pytest.mark.parametrize("count", [1, 7, 8, 15, 16, 31, 32, 64, 256])
def test_many_fractions_hide_no_name_that_stands_twice(count: int) -> None:
    with pytest.raises(BadPayload):
        read_object(b'{"a":"x","a":[' + b"1.50," * count + b"0]}")


_BLANKS = st.sampled_from(["", "", "", " ", "\n", "\t ", " \r\n"])
_NAMES = st.sampled_from(["a", "b", "a:b", 'a":', "\\u0061", "x\\\\", "é"])
_VALUES = st.sampled_from(
    ["1", '"a"', '":"', '"\\":"', "NaN", "1e999", "{}", '{"a":1,"a":2}', '[{"b":1}]', '"\\ud800"']
)


@given(st.lists(st.tuples(_NAMES, _BLANKS, _VALUES, _BLANKS), max_size=5))
@settings(max_examples=500)
def test_the_fast_way_takes_only_what_the_strict_one_takes_and_reads_it_the_same(
    members: list[tuple[str, str, str, str]],
) -> None:
    """Whatever blanks, escapes and equal names stand in an object."""
    told = ",".join(
        f'"{name.replace(chr(34), chr(92) + chr(34))}"{before}:{value}{after}' for name, before, value, after in members
    )
    body = f"{{{told}}}".encode()
    names = [json.loads(f'"{name.replace(chr(34), chr(92) + chr(34))}"') for name, *_ in members]
    bad = {"NaN", "1e999", '{"a":1,"a":2}', '"\\ud800"'}
    strict = len(set(names)) == len(names) and not bad & {value for _, _, value, _ in members}
    if strict:
        assert read_object(body) == json.loads(body)
    else:
        with pytest.raises(BadPayload):
            read_object(body)


@given(st.lists(st.integers(1 - 2**60, 2**60 - 1) | st.integers(-1000, 1000) | st.none() | st.booleans(), max_size=5))
def test_an_object_is_measured_as_it_is_written(values: list[object]) -> None:
    value = {"a": values, **{f"b{number}": one for number, one in enumerate(values)}}
    assert _measure(value, MAX_DEPTH) % _TEXT == len(json.dumps(value, separators=(",", ":")))
