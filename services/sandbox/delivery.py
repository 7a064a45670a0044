"""What was sent to whom, how often, and what came back: the sandbox's own record of its notifications."""

import itertools
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from services.sandbox.notice import Attempt, Notice
from services.sandbox.times import zulu


class State(StrEnum):
    """A delivery's fate. `dropped`: never sent, because the marketplace has given up on the endpoint."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    LOST = "lost"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended. `at` and `ended_at`: sandbox time; `seconds`: ours; `status`: None when no answer came."""

    at: datetime
    ended_at: datetime
    body_sha256: str
    status: int | None
    seconds: float
    acknowledged: bool
    failure: str | None
    answer_body: str = ""
    answer_headers: tuple[tuple[str, str], ...] = ()

    def shown(self) -> dict[str, Any]:
        return {
            "at": zulu(self.at),
            "ended_at": zulu(self.ended_at),
            "body_sha256": self.body_sha256,
            "status": self.status,
            "milliseconds": round(self.seconds * 1000, 1),
            "acknowledged": self.acknowledged,
            "failure": self.failure,
        }


@dataclass(slots=True)
class Delivery:
    """One notice on its way to one endpoint. A duplicate is a delivery of its own that names the original."""

    number: int
    marketplace: str
    notice: Notice
    duplicate_of: int | None = None
    state: State = State.WAITING
    attempts: list[Outcome] = field(default_factory=list)

    def attempt(self, number: int, waits: Sequence[timedelta]) -> Attempt:
        """The attempt of this number (from 1), the one after the last included."""
        failure = self.attempts[number - 2].failure if number > 1 else None
        return Attempt(number, sum(waits[: number - 1], timedelta()), failure)

    def shown(self) -> dict[str, Any]:
        last = self.attempts[-1] if self.attempts else None
        return {
            "id": self.number,
            "marketplace": self.marketplace,
            "topic": self.notice.topic,
            "resource": self.notice.resource,
            "notification_id": self.notice.id,
            "poison": self.notice.poison,
            "duplicate_of": self.duplicate_of,
            "state": self.state.value,
            "delivered": self.state is State.DELIVERED,
            "last_status": last.status if last else None,
            "body_sha256": last.body_sha256 if last else None,
            "attempts": [attempt.shown() for attempt in self.attempts],
        }


class DeliveryLog:
    """The last `keep` deliveries in the order in which they were made, and counts of all."""

    def __init__(self, keep: int) -> None:
        self._numbers = itertools.count(1)
        self._kept: deque[Delivery] = deque(maxlen=keep)
        self._states: Counter[tuple[str, State]] = Counter()
        self.attempts = 0

    def __iter__(self) -> Iterator[Delivery]:
        return iter(self._kept)

    def open(self, marketplace: str, notice: Notice, duplicate_of: int | None = None) -> Delivery:
        """Record a new delivery, waiting to be sent."""
        delivery = Delivery(next(self._numbers), marketplace, notice, duplicate_of)
        self._kept.append(delivery)
        self._states[marketplace, State.WAITING] += 1
        return delivery

    def close(self, delivery: Delivery, state: State) -> None:
        """Record a delivery's fate."""
        self._states[delivery.marketplace, delivery.state] -= 1
        delivery.state = state
        self._states[delivery.marketplace, state] += 1

    def count(self, state: State) -> int:
        return sum(number for (_, of), number in self._states.items() if of is state)

    def summary(self) -> dict[str, Any]:
        """Counts of all deliveries since the start, by state and by marketplace."""
        by_marketplace: dict[str, dict[str, int]] = {}
        for (marketplace, state), number in sorted(self._states.items()):
            by_marketplace.setdefault(marketplace, {})[state.value] = number
        return {
            **{state.value: self.count(state) for state in State},
            "attempts": self.attempts,
            "marketplaces": by_marketplace,
        }
