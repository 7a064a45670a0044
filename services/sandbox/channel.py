"""How a marketplace delivers: where to, what it takes as success, how long it waits, and when it comes again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from services.sandbox.delivery import Delivery


def minutes(*waits: float) -> tuple[timedelta, ...]:
    """The waits between attempts."""
    return tuple(timedelta(minutes=wait) for wait in waits)


def nothing_more(_delivery: Delivery) -> None:
    """A lost notification is gone for good."""


@dataclass(frozen=True)
class Channel:
    """The delivery rules of one marketplace.

    `ack_seconds` (ours) is how long an answer may take to count; answers are still read, for the record, until
    `give_up_seconds`. `waits` are the pauses between attempts in sandbox time. `on_lost` is told of a delivery
    whose attempts are spent. `down` tells that the marketplace has given up on the endpoint.
    """

    url: str
    success: frozenset[int]
    ack_seconds: float
    give_up_seconds: float
    waits: Sequence[timedelta]
    on_lost: Callable[[Delivery], None] = field(default=nothing_more)
    down: Callable[[Delivery], bool] = field(default=lambda _delivery: False)
