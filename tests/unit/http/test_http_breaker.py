"""The circuit breaker: five failures in a row, one probe, no verdict from old or cancelled calls."""

import asyncio

import pytest

from libs.http.breaker import CircuitBreaker, State
from libs.http.errors import CircuitOpen, NotFound, Unavailable


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker("api", failures=5, open_for=30, clock=clock)


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(Unavailable), breaker.guard():
            raise Unavailable("GET /", "answered 500")


def test_it_opens_after_five_failures_in_a_row(breaker):
    fail(breaker, 4)
    with breaker.guard():
        pass
    fail(breaker, 4)
    assert breaker.state is State.CLOSED
    fail(breaker)
    with pytest.raises(CircuitOpen), breaker.guard():
        pytest.fail("a call was let through")


def test_an_error_answer_is_a_sign_of_life(breaker):
    fail(breaker, 4)
    with pytest.raises(NotFound), breaker.guard():
        raise NotFound("GET /", "answered 404")
    fail(breaker, 4)
    assert breaker.state is State.CLOSED


def test_one_probe_at_a_time_and_a_failed_one_opens_again(breaker, clock):
    fail(breaker, 5)
    clock.now += 31
    with pytest.raises(Unavailable), breaker.guard():  # noqa: PT012  (the probe is under way while the second asks)
        with pytest.raises(CircuitOpen), breaker.guard():
            pytest.fail("a second call was let through beside the probe")
        raise Unavailable("GET /", "answered 500")
    assert breaker.state is State.OPEN
    with pytest.raises(CircuitOpen) as refused, breaker.guard():
        pytest.fail("a call was let through")
    assert refused.value.retry_after.total_seconds() == 30


def test_a_probe_that_succeeds_closes(breaker, clock):
    fail(breaker, 5)
    clock.now += 31
    with breaker.guard():
        pass
    assert breaker.state is State.CLOSED
    fail(breaker, 4)
    assert breaker.state is State.CLOSED


def test_a_cancelled_probe_leaves_its_place(breaker, clock):
    fail(breaker, 5)
    clock.now += 31
    with pytest.raises(asyncio.CancelledError), breaker.guard():
        raise asyncio.CancelledError
    with breaker.guard():
        pass
    assert breaker.state is State.CLOSED


def test_a_call_that_began_before_the_circuit_opened_does_not_close_it(breaker):
    with breaker.guard():
        fail(breaker, 5)
    assert breaker.state is State.OPEN


def test_a_call_past_the_circuit_is_let_through_and_its_answer_closes_it(breaker):
    fail(breaker, 5)
    with pytest.raises(NotFound), breaker.guard(past=True):
        raise NotFound("GET /", "there is none", status=404)
    assert breaker.state is State.CLOSED
    fail(breaker, 4)
    assert breaker.state is State.CLOSED


def test_a_call_past_the_circuit_that_fails_tells_nothing(breaker, clock):
    for _ in range(9):
        with pytest.raises(Unavailable), breaker.guard(past=True):
            raise Unavailable("GET /", "500", status=500)
    assert breaker.state is State.CLOSED
    fail(breaker, 5)
    clock.now += 31
    with breaker.guard():  # the probe is under way
        with pytest.raises(asyncio.CancelledError), breaker.guard(past=True):
            raise asyncio.CancelledError
        assert breaker.state is State.HALF_OPEN
    assert breaker.state is State.CLOSED
