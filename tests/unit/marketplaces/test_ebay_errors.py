"""eBay's errors: its ids decide what they mean, its words stay out of our texts."""

from datetime import timedelta

import pytest

from libs.http.errors import (
    ApiError,
    Blocked,
    CircuitOpen,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from libs.marketplaces.ebay.errors import Category, errors_in, interpreted, meaning, says


def body(error_id: object, **more: object) -> dict[str, object]:
    told = {"errorId": error_id, "domain": "API_INVENTORY", "category": "REQUEST", "message": "Jane Doe bought it"}
    return {"errors": [{**told, **more}]}


@pytest.mark.parametrize(
    ("status", "error_id", "raised", "expected"),
    [
        (400, 25702, Refused, NotFound),
        (404, 25710, NotFound, NotFound),
        (404, 25713, NotFound, NotFound),
        (400, 25001, Refused, Unavailable),
        (500, 25025, Unavailable, Unavailable),
        (400, 1002, Refused, Unauthorized),
        (403, 1100, Blocked, Blocked),
        (403, 2001, Blocked, RateLimited),
        (400, 25707, Refused, Refused),
        (400, 99999, Refused, Refused),
        (503, 99999, Unavailable, Unavailable),
    ],
)
def test_the_id_is_more_exact_than_the_status(status, error_id, raised, expected):
    error = interpreted(raised("GET /x", f"answered {status}", status=status, body=body(error_id)))
    assert type(error) is expected
    assert (error.operation, error.status) == ("GET /x", status)
    assert str(error) == f"GET /x: answered {status}: API_INVENTORY {error_id} (REQUEST)"
    assert says(error, error_id)


def test_a_retry_after_is_kept():
    error = RateLimited("GET /x", "answered 429", status=429, body=body(2001), retry_after=timedelta(seconds=7))
    assert interpreted(error).retry_after == timedelta(seconds=7)


def test_an_error_without_ids_stays_as_it_is():
    for told in (None, [], "x", {}, {"errors": None}, {"errors": [None, {}, {"errorId": "1"}, {"errorId": True}]}):
        error = ApiError("GET /x", "answered 418", status=418, body=told)
        assert interpreted(error) is error
    circuit = CircuitOpen("ebay", "not asked", body=body(25001))
    assert interpreted(circuit) is circuit


def test_what_an_error_tells():
    (error,) = errors_in(
        body(
            25709,
            category="BUSINESS",
            longMessage="…",
            parameters=[{"name": "field", "value": "sku"}, 3, {"name": 1}],
        )
    )
    assert (error.id, error.domain, error.category) == (25709, "API_INVENTORY", Category.BUSINESS)
    assert (error.message, error.long_message) == ("Jane Doe bought it", "…")
    assert error.parameters == {"field": "sku", "": ""}
    assert "Jane" not in str(error)


def test_another_category_is_unknown_and_warnings_are_read_alike():
    (error,) = errors_in({"warnings": body(1, category="NEW")["errors"]}, "warnings")
    assert error.category is Category.UNKNOWN


@pytest.mark.parametrize(
    ("status", "error_ids", "expected"),
    [
        (200, [], None),
        (200, [25401], None),
        (404, [25702], NotFound),
        (400, [25702], NotFound),
        (404, [], NotFound),
        (500, [], Unavailable),
        (429, [], RateLimited),
        (400, [], ApiError),
    ],
)
def test_the_meaning_of_an_entry_of_a_bulk_answer(status, error_ids, expected):
    errors = tuple(error for each in error_ids for error in errors_in(body(each)))
    assert meaning(status, errors) is expected
