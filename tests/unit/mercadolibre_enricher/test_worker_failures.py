"""How a job's run ends, by what went wrong."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.http.errors import (
    ApiError,
    Blocked,
    CircuitOpen,
    Garbage,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from libs.jobs import Failed, Job, Retry
from libs.jobs.backoff import Backoff
from libs.marketplaces.mercadolibre.client import BLOCK_CODE, NotOurs
from services.mercadolibre_enricher.workers.failures import error_json, outcome_of

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
BODY = {"message": "personal?", "code": "PA_UNAUTHORIZED_RESULT_FROM_POLICIES", "blocked_by": "PolicyAgent"}


def job(attempts: int = 0) -> Job:
    return Job(1, "search", {}, 100, attempts, 6, "w", NOON, 1)


def blocked(**headers: str) -> Blocked:
    error = Blocked("GET /sites/{site}/search", "answered 403", status=403, body=BODY)
    error.headers = headers
    return error


@pytest.mark.parametrize("error", [NotFound, Refused, NotOurs])
def test_what_can_never_succeed_fails_for_good(error: type[ApiError]) -> None:
    assert isinstance(outcome_of(error("GET /items/{id}", "answered"), job(), Backoff()), Failed)


@pytest.mark.parametrize("error", [Blocked, Unavailable, Garbage, Unauthorized])
@pytest.mark.parametrize(("attempts", "wait"), [(0, 60), (1, 120), (4, 960), (5, 1920), (9, 3600)])
def test_the_rest_comes_again_after_the_documented_backoff(error: type[ApiError], attempts: int, wait: float) -> None:
    outcome = outcome_of(error("GET /items/{id}", "answered"), job(attempts), Backoff())
    assert isinstance(outcome, Retry)
    assert 0.7 * wait <= outcome.backoff_seconds <= 1.3 * wait


@pytest.mark.parametrize("error", [RateLimited, CircuitOpen])
def test_not_before_they_say_and_without_counting_it(error: type[RateLimited]) -> None:
    outcome = outcome_of(error("GET /items/{id}", "later", retry_after=timedelta(hours=2)), job(5), Backoff())
    assert isinstance(outcome, Retry)
    assert (outcome.backoff_seconds, outcome.counts) == (7200, False)


def test_a_429_that_does_not_say_when_counts() -> None:
    outcome = outcome_of(RateLimited("GET /items/{id}", "answered 429", status=429), job(), Backoff())
    assert isinstance(outcome, Retry)
    assert outcome.counts
    assert 42 <= outcome.backoff_seconds <= 78


def test_a_block_keeps_the_firewall_s_code_and_headers_and_no_free_text() -> None:
    told = error_json(blocked(**{BLOCK_CODE: "PA-7", "via": "1.1 x", "set-cookie": "secret"}))
    assert told == {
        "http_status": 403,
        "code": "PolicyAgent",
        "msg": "blocked by WAF: answered 403 (PA_UNAUTHORIZED_RESULT_FROM_POLICIES, PolicyAgent)",
        BLOCK_CODE: "PA-7",
        "via": "1.1 x",
    }
    assert error_json(blocked())[BLOCK_CODE] == "PA_UNAUTHORIZED_RESULT_FROM_POLICIES", "from the body"


def test_a_plain_403_is_no_firewall() -> None:
    told = error_json(Blocked("GET /sites/{site}/search", "answered 403", status=403, body={"error": "forbidden"}))
    assert told["code"] == "Blocked"
    assert BLOCK_CODE not in told
