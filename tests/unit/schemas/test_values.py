"""The shared types: money is exact, times are aware and in UTC, and both survive JSON unchanged."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from schemas.values import Money, UtcTime

SCHEMA = jsonschema.Draft202012Validator(
    Money.model_json_schema(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)

EARLIEST, LATEST = datetime.fromisoformat("0002-01-01"), datetime.fromisoformat("9998-01-01")


class Moment(BaseModel):
    at: UtcTime


@given(digits=st.integers(-(10**40) + 1, 10**40 - 1), places=st.integers(0, 40))
def test_an_amount_keeps_every_digit(digits: int, places: int) -> None:
    amount = Decimal(f"{digits}E-{places}")
    money = Money(amount=amount, currency="BRL")
    again = Money.model_validate_json(money.model_dump_json())
    assert again == money
    assert again.amount.as_tuple().exponent == amount.as_tuple().exponent, "trailing zeros are digits too"
    SCHEMA.validate(money.model_dump(mode="json"))


@pytest.mark.parametrize("text", ["0.10", "1500.00", "-3", "0.000000000000000001", "123456789012345678901234567890.12"])
def test_an_amount_is_written_as_it_was(text: str) -> None:
    assert Money(amount=text, currency="BRL").model_dump(mode="json")["amount"] == text  # type: ignore[arg-type]  # as from JSON


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (1.5, "not as a float"),
        (float("nan"), "not as a float"),
        ("NaN", "finite"),
        ("Infinity", "finite"),
        ("1E+999999999", "40 digits"),
        ("1E-41", "40 digits"),
        ("about 7", "valid decimal"),
        (None, "Decimal"),
    ],
)
def test_what_is_no_exact_amount_is_refused(amount: object, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Money.model_validate({"amount": amount, "currency": "BRL"})


def test_a_json_number_with_a_point_is_a_float_and_is_refused() -> None:
    with pytest.raises(ValidationError, match="not as a float"):
        Money.model_validate_json('{"amount": 1500.00, "currency": "BRL"}')


@pytest.mark.parametrize("currency", ["brl", "R$", "BRLX", "", "BR1", "BRL\n"])
def test_a_currency_is_an_iso_code(currency: str) -> None:
    with pytest.raises(ValidationError):
        Money(amount=Decimal(1), currency=currency)


@given(at=st.datetimes(min_value=EARLIEST, max_value=LATEST), hours=st.integers(-14, 14))
def test_a_time_survives_json_in_utc_with_microseconds(at: datetime, hours: int) -> None:
    moment = Moment(at=at.replace(tzinfo=timezone(timedelta(hours=hours))))
    text = moment.model_dump(mode="json")["at"]
    assert text.endswith("Z")
    assert len(text) == len("2026-03-14T15:09:26.535897Z")
    again = Moment.model_validate({"at": text})
    assert again == moment
    assert again.at.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-03-14T15:09:26.1234565Z", "2026-03-14T15:09:26.123457Z"),
        ("2026-03-14T15:09:26.123456499999Z", "2026-03-14T15:09:26.123456Z"),
        ("2026-12-31T23:59:59.999999999-03:00", "2027-01-01T03:00:00.000000Z"),
        ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.999999Z"),
        ("2026-03-14_15:09:26.1234567Z", "2026-03-14T15:09:26.123456Z"),
    ],
    ids=["up", "down", "into the next year", "no later time can be held", "a notation of pydantic's"],
)
def test_what_lies_below_a_microsecond_is_rounded(text: str, read: str) -> None:
    assert Moment.model_validate({"at": text}).model_dump(mode="json")["at"] == read
    assert Moment.model_validate_json(f'{{"at":"{text}"}}').model_dump(mode="json")["at"] == read


@given(
    st.datetimes(min_value=EARLIEST, max_value=LATEST), st.sampled_from(["Z", "+00:00", "-03:00", "+0530", "-00:00"])
)
def test_no_notation_of_a_microsecond_is_changed(at: datetime, offset: str) -> None:
    text = at.isoformat(timespec="microseconds") + offset
    assert Moment.model_validate({"at": text}).at == datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-03-14T15:09:26", "offset from UTC"),
        ("0001-01-01T00:00:00+14:00", "years 1 and 9999"),
        ("9999-12-31T23:59:59-14:00", "years 1 and 9999"),
        ("tomorrow", "valid datetime"),
        ("\ud800" * 28, "unicode"),
    ],
)
def test_what_is_no_moment_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Moment.model_validate({"at": text})
