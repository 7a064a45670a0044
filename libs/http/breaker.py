"""A circuit breaker: after some failures in a row the other side is left alone, then one probe asks whether it is back.

Why not a library: of those on the index, purgatory lets every waiting call through when it half-opens (a stampede on a
service that just came back), counts our own cancellations as failures, and reads the wall clock.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum

from libs.http.errors import ApiError, CircuitOpen, Unavailable


class State(StrEnum):
    """Closed: calls flow. Open: no call. Half-open: one call probes."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


class CircuitBreaker:
    """Counts Unavailable in a row; any answer at all, even an error, shows that the other side is alive.

    `failures` in a row open the circuit for `open_for` seconds. A result of a call that began before the state last
    changed says nothing about now and is not counted.

    Some calls in a row may fail for what each of them asks for, while the other side is there. Who can tell the two
    apart asks something else `past` the circuit: such a call is always let through, its failure is not counted, and
    its answer closes the circuit.
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int = 5,
        open_for: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[State], None] = lambda _state: None,
    ) -> None:
        self._name = name
        self._limit = failures
        self._open_for = open_for
        self._clock = clock
        self._on_change = on_change
        self._failed_in_a_row = 0
        self._opened_at = 0.0
        self._era = 0
        self.state = State.CLOSED

    def check(self) -> None:
        """Raise CircuitOpen if a call made now would not be let through."""
        waits = self._opened_at + self._open_for - self._clock()
        if self.state is State.OPEN and waits > 0:
            raise self._refusal(waits)
        if self.state is State.HALF_OPEN:
            raise self._refusal(min(1.0, self._open_for))  # the probe will tell soon

    @contextmanager
    def guard(self, *, past: bool = False) -> Iterator[None]:
        """Let one call through and learn from how it ends; raise CircuitOpen instead while the circuit is open.

        `past`: let it through in any case, and learn only from an answer.
        """
        if not past:
            self.check()
            if self.state is State.OPEN:
                self._change(State.HALF_OPEN)
        era = self._era
        try:
            yield
        except Unavailable:
            if not past:
                self._failed(era)
            raise
        except ApiError:
            self._answered(era)
            raise
        except BaseException:
            if not past:
                self._abandoned(era)
            raise
        else:
            self._answered(era)

    def _failed(self, era: int) -> None:
        if era != self._era:
            return
        self._failed_in_a_row += 1
        if self.state is State.HALF_OPEN or self._failed_in_a_row >= self._limit:
            self._opened_at = self._clock()
            self._change(State.OPEN)

    def _answered(self, era: int) -> None:
        if era != self._era:
            return
        self._failed_in_a_row = 0
        if self.state is not State.CLOSED:
            self._change(State.CLOSED)

    def _abandoned(self, era: int) -> None:
        """The call was cancelled by us: a probe that learnt nothing leaves its place to the next one."""
        if era == self._era and self.state is State.HALF_OPEN:
            self._change(State.OPEN)

    def _change(self, state: State) -> None:
        self.state = state
        self._era += 1
        self._on_change(state)

    def _refusal(self, seconds: float) -> CircuitOpen:
        return CircuitOpen(
            self._name,
            f"not asked, because it failed {self._limit} times in a row; the next try is in {seconds:.1f} s",
            retry_after=timedelta(seconds=seconds),
        )
