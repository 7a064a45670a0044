"""The fast reader and the ordinary one agree: on examples, on generated facts, and on whatever was done to them."""

import json
import re
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, field_validator

from libs.bus.message import REDRIVE_TO
from libs.projection.model import AnyReadModel, Position, Refused
from libs.projection.plain_amount import is_plain_amount
from libs.projection.quick_facts import QuickFacts, _is_ours, _is_usual
from libs.projection.record import Located, locate
from libs.projection.struct_form import NoStructForm, struct_form
from libs.read_models import READ_MODELS
from schemas.examples import examples
from schemas.registry import BY_MODEL
from schemas.values import DecimalString, Value, format_time
from tests.facts import FACTS, order, order_v1, question
from tests.logs import LogRecord, in_place, record

SCHEMAS = Path(__file__).parents[3] / "schemas"
each_read_model = pytest.mark.parametrize("model", READ_MODELS.values(), ids=READ_MODELS)
WITH_RAW = [model for model in READ_MODELS.values() if "raw" in model.fact.model_fields]
any_model = st.sampled_from(list(READ_MODELS.values()))


def same(one: object, other: object, *, texts: bool = False) -> bool:
    """Whether a pydantic value and a struct's value are the same to the last digit. `texts`: the struct's amounts."""
    if isinstance(one, BaseModel):
        return all(same(getattr(one, name), getattr(other, name), texts=texts) for name in type(one).model_fields)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(*both, texts=texts) for both in zip(one, other, strict=True))
    if isinstance(one, Decimal) and texts:
        return isinstance(other, str) and repr(one) == repr(Decimal(other))
    if isinstance(one, Decimal | datetime):
        return repr(one) == repr(other)
    return type(one) is type(other) and repr(one) == repr(other)


def row_of(model: AnyReadModel, fact: object) -> object:
    try:
        return model.values(model.evolve(None, fact, Position("t", 0, 1, "e", None)))
    except Refused as error:
        return str(error)


def agreed(model: AnyReadModel, one: LogRecord) -> bool:
    """Assert that both readers agree; whether the fast one took the record."""
    quick = model.quick.read(one.headers, one.value)
    (plain,) = in_place([one])
    assert [plain.offset, plain.key, plain.value, plain.headers] == [one.offset, one.key, one.value, one.headers]
    found, glanced = model.quick.read_plain(plain), model.glance.read_plain(plain)
    assert (quick is None) == (found is None)
    if quick is None and glanced is None:
        return False
    slow = locate(one, model.topics[0], "projector")
    assert isinstance(slow, Located), slow
    assert isinstance(slow.fact, model.fact)
    identity = slow.key, slow.position.event_id, slow.position.correlation_id
    for taken in (quick, found, glanced):
        if taken is not None:
            key, fact, *ids = taken
            assert (key, *ids) == identity
            assert same(slow.fact, fact, texts=taken is glanced)
    assert one.value is not None
    again = model.quick.decode(one.value)
    assert same(slow.fact, again)
    assert row_of(model, slow.fact) == row_of(model, again)
    return quick is not None


def with_value(model: AnyReadModel, value: bytes) -> LogRecord:
    return replace(record(FACTS[model.name](1)), value=value)


@each_read_model
def test_its_fact_has_a_struct_form_and_every_example_is_read_alike(model: AnyReadModel) -> None:
    assert model.quick.form is not None
    found = examples(BY_MODEL[model.fact], SCHEMAS)
    assert found
    for example in found:
        compact = json.dumps(json.loads(example.value)).encode()
        for value in (example.value, compact):
            taken = agreed(model, with_value(model, value))
            assert taken == example.passes or example.case not in ("full", "minimal"), example.file.name


@each_read_model
def test_what_our_publishers_write_is_taken(model: AnyReadModel) -> None:
    one = record(FACTS[model.name](7))
    assert agreed(model, one)
    assert all(model.glance.read_plain(plain) for plain in in_place([one]))
    if model in WITH_RAW:
        assert agreed(model, record(FACTS[model.name](7).model_copy(update={"raw": {"a": [1.5, {"b": None}]}})))


AMOUNTS = [
    "1",
    "1.0",
    "-0",
    "1e5",
    "1E-41",
    "NaN",
    "sNaN1",
    "Infinity",
    "1_0",
    ".5",
    "5.",
    " 1",
    "1" * 40,
    "1" * 41,
    "1." + "1" * 41,
]


@given(
    st.from_regex(r"-?[0-9]{0,3}[.,eE_ ]?[0-9]{0,3}", fullmatch=True) | st.text(max_size=6) | st.sampled_from(AMOUNTS)
)
def test_a_plain_amount_is_an_amount(text: str) -> None:
    plain = is_plain_amount(text)
    assert plain == bool(re.fullmatch(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", text))
    if plain:
        assert TypeAdapter(DecimalString).validate_python(text) == Decimal(text)


def test_other_events_and_versions_are_left_to_the_ordinary_reader() -> None:
    orders = READ_MODELS["orders"]
    assert not agreed(orders, record(order_v1(1)))
    assert not agreed(orders, record(question(1)))


TIMES = [
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00.1234567Z",
    "2026-01-01T00:00:00-03:00",
    "2026-01-01T00:00:00",
    "2026-01-01 00:00:00.5z",
    "0001-01-01T00:00:00+01:00",
    "2026-01-01T00:00:60Z",
    "2026-01-01",
    "1700000000",
]
TWO_DIGITS = st.integers(0, 99).map("{:02}".format)
OFFSETS = ["Z", "z", "+00:00", "-00:00", "+0000", "-0000", "+00", "+01:00", "-23:59", "+24:00", "+00:00:00", "", " Z"]
FRACTIONS = st.one_of(
    st.sampled_from(["", ".", ".5", ",1234567", ".999999", ".9999994", ".9999995", ".99999949999", ".999999500000"]),
    st.text("0123456789", min_size=1, max_size=12).map(".{}".format),
)
ANY_TIMES = st.tuples(
    st.sampled_from(["0000", "0001", "1969", "2024", "2026", "9998", "9999"]),
    st.sampled_from(["-01-01", "-02-28", "-02-29", "-06-30", "-12-31", "-13-01", "-00-01", "-1-1", "0101"]),
    st.sampled_from(["T", "T", "t", " ", "_", ""]),
    st.sampled_from(["00:", "12:", "23:", "24:", "1:"]),
    st.sampled_from(["00", "59", "60"]) | TWO_DIGITS,
    st.sampled_from([":00", ":59", ":60", ":61", ""]),
    FRACTIONS,
    st.sampled_from(OFFSETS),
).map("".join)
"""Times of all kinds, and what is nearly one."""
WORDS = ["BRL", "brl", "BRLX", "paid", "PAID", "open", "active", "é", "😀", "true", "BRL\n", "\0", "\\u0000"]
SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, -(2**63) - 1, 10**30, 0, 1, -1]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from([*AMOUNTS, *TIMES, *WORDS]),
    ANY_TIMES,
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def places(data: Any) -> list[tuple[Any, Any]]:
    """Every container and key in a JSON document."""
    found: list[tuple[Any, Any]] = []
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        found.append((data, key))
        if isinstance(value, dict | list):
            found += places(value)
    return found


HEADER_VALUES = [
    b"",
    b"x",
    b"\xc3\xa9",
    b"\0",
    b"1.0",
    b"i" * 63,
    b"i" * 64,
    b"x\x0ace_id\x02y",
    b"2026-01-01T00:00:00Z",
    b"no time",
]


@given(st.data())
def test_headers_that_stand_nearly_as_those_before_are_read_alike(data: st.DataObject) -> None:
    """The layout of those before is remembered; every change is made to a record that stands in it."""
    orders = READ_MODELS["orders"]
    usual = record(order(1))
    headers = [*usual.headers, ("ce_causationid", b"why")] if data.draw(st.booleans()) else list(usual.headers)
    usual = replace(usual, headers=headers)
    assert agreed(orders, usual)
    assert agreed(orders, replace(usual, headers=[*headers, ("traceparent", b"00-1-2-01")]))
    changed = list(headers)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(changed) - 1))
        other = data.draw(st.integers(0, len(changed) - 1))
        name, value = changed[place]
        change = data.draw(st.sampled_from(["value", "same length", "shift", "name", "exchange", "remove", "double"]))
        if change == "same length":  # a layout is looked for by the length of all headers
            byte = data.draw(st.sampled_from([b"0", b"\0", b"\xc3"]))
            changed[place] = (name, value[:-1] + byte)
        elif change == "shift" and value:
            changed[place] = (name, value[:-1])
            changed[other] = (changed[other][0], changed[other][1] + value[-1:])
        elif change == "value":
            changed[place] = (name, data.draw(st.sampled_from(HEADER_VALUES)))
        elif change == "name":
            changed[place] = (data.draw(st.sampled_from(["ce_id", "ce_time", "ce_ib", "é", "", "tracestate"])), value)
        elif change == "exchange":
            changed[place], changed[other] = changed[other], changed[place]
        elif change == "remove" and len(changed) > 1:
            del changed[place]
        else:
            changed.append(changed[place])
    agreed(orders, replace(usual, headers=changed))
    assert agreed(orders, usual)


@given(ANY_TIMES, ANY_TIMES)
def test_times_of_all_kinds_are_read_alike(placed: str, updated: str) -> None:
    orders = READ_MODELS["orders"]
    document = json.loads(record(order(1)).value or b"")
    document.update(placed_at=placed, updated_at=updated)
    agreed(orders, with_value(orders, json.dumps(document).encode()))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-03-14T15:09:26.1234564999Z", "2026-03-14T15:09:26.123456Z"),
        ("2026-03-14T15:09:26.1234565Z", "2026-03-14T15:09:26.123457Z"),
        ("2026-03-14 15:09:26.123456500z", "2026-03-14T15:09:26.123457Z"),
        ("2026-03-14T15:09:26.1234565-00:00", "2026-03-14T15:09:26.123457Z"),
        ("2024-12-31T23:59:59.9999995Z", "2025-01-01T00:00:00.000000Z"),
    ],
)
def test_a_time_below_a_microsecond_is_taken_and_rounded(text: str, read: str) -> None:
    orders = READ_MODELS["orders"]
    document = {**json.loads(record(order(1)).value or b""), "updated_at": text}
    one = with_value(orders, json.dumps(document).encode())
    assert agreed(orders, one)
    found = orders.quick.read(one.headers, one.value)
    assert found is not None
    assert format_time(found[1].updated_at) == read  # type: ignore[attr-defined]


SINCE, UNTIL = datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2999-12-31")
OUR_TIMES = st.datetimes(SINCE, UNTIL).map(lambda at: f"{at:%Y-%m-%dT%H:%M:%S.%f}Z")


@given(OUR_TIMES, st.data())
def test_the_time_of_an_envelope_gets_the_same_verdict_sooner(time: str, data: st.DataObject) -> None:
    orders = READ_MODELS["orders"]
    usual = record(order(1))
    assert agreed(orders, usual)  # so that the layout of these headers is known
    assert _is_ours(time.encode()) == (int(time[8:10]) <= 28)
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(time) - 1))
        piece = data.draw(
            st.text("0123456789", min_size=1, max_size=2) | st.sampled_from(["-", ":", "T", "Z", ".", " ", "W"])
        )
        time = time[:at] + piece + time[at + len(piece) :]
    try:
        expected = _is_usual(time)
    except ValueError:
        expected = False
    assert expected or not _is_ours(time.encode())
    headers = [(name, time.encode() if name == "ce_time" else value) for name, value in usual.headers]
    assert agreed(orders, replace(usual, headers=headers)) == expected


@given(any_model, st.data())
def test_facts_with_other_values_are_read_alike(model: AnyReadModel, data: st.DataObject) -> None:
    example = data.draw(st.sampled_from(examples(BY_MODEL[model.fact], SCHEMAS)))
    document = json.loads(example.value)
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(places(document)))
        change = data.draw(st.sampled_from(["set", "remove", "add"]))
        if change == "set" or isinstance(container, list):
            if key in range(len(container)) if isinstance(container, list) else key in container:
                container[key] = data.draw(VALUES)
        elif change == "remove":
            container.pop(key, None)
        else:
            container[data.draw(st.text(max_size=5))] = data.draw(VALUES)
    value = json.dumps(document, ensure_ascii=data.draw(st.booleans())).encode(errors="surrogatepass")
    agreed(model, with_value(model, value))


@given(any_model, st.data())
def test_damaged_facts_are_read_alike(model: AnyReadModel, data: st.DataObject) -> None:
    example = data.draw(st.sampled_from(examples(BY_MODEL[model.fact], SCHEMAS)))
    value = bytearray(json.dumps(json.loads(example.value)).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(value)))
        piece = data.draw(
            st.sampled_from([b"", b'"', b"0", b".0", b"e9", b"-", b"{", b"}", b",", b"\\", b"\xff", b"\xc3"])
        )
        value[at : at + data.draw(st.integers(0, 2))] = piece
    agreed(model, with_value(model, bytes(value)))


@given(any_model, st.data())
def test_a_field_that_stands_twice_is_read_alike(model: AnyReadModel, data: st.DataObject) -> None:
    value = record(FACTS[model.name](1)).value
    assert value is not None
    name = data.draw(st.sampled_from(list(model.fact.model_fields)))
    twin = f'"{name}":{json.dumps(data.draw(VALUES))}'.encode(errors="surrogatepass")
    both = [b"{" + twin + b"," + value[1:], value[:-1] + b"," + twin + b"}"]
    agreed(model, with_value(model, data.draw(st.sampled_from(both))))


def test_who_glances_reads_an_amount_that_stands_twice_as_the_ordinary_reader_does() -> None:
    orders = READ_MODELS["orders"]
    value = record(order(1)).value
    assert value is not None
    twice = with_value(orders, value.replace(b'"amount":', b'"amount":"none","amount":', 1))
    assert not agreed(orders, twice)
    assert all(orders.glance.read_plain(plain) for plain in in_place([twice]))


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":"\xff"}',
        b'{"a":' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"a":' + b"1" * 5_000 + b"}",
        b'{"a":1e999}',
        b'{"a":"\\ud800"}',
        b'{"a":"x\\u0000"}',
        b"[]",
        b"null",
    ],
    ids=["no UTF-8", "deep", "endless number", "beyond floats", "half a pair", "NUL", "no object", "null"],
)
@pytest.mark.parametrize("model", WITH_RAW, ids=lambda model: model.name)
def test_what_is_not_parsed_is_judged_all_the_same(model: AnyReadModel, raw: bytes) -> None:
    value = record(FACTS[model.name](1)).value
    assert value is not None
    assert value.endswith(b'"raw":{}}')
    agreed(model, with_value(model, value.removesuffix(b"{}}") + raw + b"}"))


NAMES = ["ce_id", "ce_type", "ce_specversion", "ce_time", "ce_subject", "ce_source", "ce_correlationid", "traceparent"]


@given(any_model, st.data())
def test_other_headers_are_read_alike(model: AnyReadModel, data: st.DataObject) -> None:
    one = record(FACTS[model.name](1))
    headers: list[Any] = list(one.headers)
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from([*NAMES, "content-type", REDRIVE_TO, "x-other", "ce_other"]))
        text = st.sampled_from(
            ["", "1.0", "projector", "2026-01-01T00:00:00", "9999-12-31T23:59:59-01:00", "2026", "x\0"]
        )
        value = data.draw(st.none() | st.binary(max_size=6) | text.map(str.encode))
        change = data.draw(st.sampled_from(["set", "remove", "add"]))
        if change == "add":
            headers.insert(data.draw(st.integers(0, len(headers))), (name, value))
        else:
            headers = [
                (each, value if each == name else old) for each, old in headers if each != name or change == "set"
            ]
    agreed(model, replace(one, headers=headers))


class Odd(Value):
    """What no struct form may be guessed for."""

    text: str

    @field_validator("text")
    @classmethod
    def _upper(cls, value: str) -> str:
        return value.upper()


class Floating(Value):
    weight: float


class Aliased(Value):
    text: str = Field(alias="other")


class Stripping(Value):
    text: Annotated[list[str], BeforeValidator(list)]


@pytest.mark.parametrize("model", [Odd, Floating, Aliased, Stripping])
def test_a_model_with_rules_of_its_own_has_no_struct_form(model: type[BaseModel]) -> None:
    with pytest.raises(NoStructForm):
        struct_form(model)


def test_without_a_struct_form_everything_is_left_to_the_ordinary_reader() -> None:
    quick = QuickFacts(READ_MODELS["orders"].fact)
    assert quick.form is not None
    opaque = next(model for model in BY_MODEL if model.__name__ == "WebhookReceivedV1")
    assert QuickFacts(opaque).form is None
    assert QuickFacts(opaque).read([("ce_id", b"1")], b"{}") is None


def test_raw_is_there_for_whoever_reads_it() -> None:
    one = record(order(1).model_copy(update={"raw": {"feedback": {"sale": None}}}))
    quick = READ_MODELS["orders"].quick.read(one.headers, one.value)
    assert quick is not None
    assert quick[1].raw == {"feedback": {"sale": None}}  # type: ignore[attr-defined]
