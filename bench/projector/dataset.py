"""The events of the projector benchmark: made by arithmetic, so that the final state is known without reading them.

Every order occurs at least once, in no particular order; later events of one order carry later times. Two forms of the
same events: facts as sellstream writes them (`order.changed` version 2 in a CloudEvents envelope, about 600 bytes), and
flat rows with their schema inside, the only form that Kafka Connect's JSON converter hands to a JDBC sink.
"""

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Literal

from bench import PARTITIONS
from libs.bus.partitioner import partition_of
from schemas.orders.order_changed import Buyer, OrderChangedV2, OrderLine, OrderStatus
from schemas.values import Money, format_time

Form = Literal["facts", "rows"]
VERSION = 1  # part of the topics' names: a change to the events below needs another number
MARKETPLACE = "mercadolibre"
ACCOUNT = "bench"
CURRENCY = "ARS"

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_STATUSES = (OrderStatus.PLACED, OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.DELIVERED)
_SEED = 20260115


@dataclass(frozen=True)
class Order:
    """One state of one order: the row that a projection makes of it."""

    number: int
    change: int
    event: int

    @property
    def order_id(self) -> str:
        return f"{2_000_000_000_000_000 + self.number}"

    @property
    def key(self) -> str:
        return f"{MARKETPLACE}:{self.order_id}"

    @property
    def status(self) -> str:
        return _STATUSES[min(self.change, len(_STATUSES) - 1)].value

    @property
    def placed_at(self) -> datetime:
        return _BEGIN + timedelta(seconds=self.number % 86_400)

    @property
    def updated_at(self) -> datetime:
        return _BEGIN + timedelta(days=1, milliseconds=self.event)

    @property
    def total(self) -> str:
        return f"{10 + (self.number * 7 + self.change) % 90_000}.{self.number % 100:02d}"

    @property
    def buyer_id(self) -> str:
        return f"{100_000_000 + self.number % 50_021}"

    @property
    def item_id(self) -> str:
        return f"MLA{1_000_000_000 + self.number % 4_001}"

    def columns(self) -> dict[str, str]:
        """The row, every value as text."""
        return {
            "marketplace": MARKETPLACE,
            "order_id": self.order_id,
            "account": ACCOUNT,
            "status": self.status,
            "marketplace_status": self.status,
            "placed_at": format_time(self.placed_at),
            "updated_at": format_time(self.updated_at),
            "total_amount": self.total,
            "total_currency": CURRENCY,
            "buyer_id": self.buyer_id,
            "item_id": self.item_id,
        }

    def canonical(self) -> str:
        """What the digest is made of; the SQL in `table.py` writes the same text."""
        columns = self.columns() | {"placed_at": _micros(self.placed_at), "updated_at": _micros(self.updated_at)}
        return "|".join(columns.values())


@dataclass(frozen=True)
class Expected:
    """The final state: how many rows, and the sum of 60 bits of each row's MD5."""

    rows: int
    digest: int


@dataclass(frozen=True)
class Dataset:
    """`events` events about `orders` orders in one form."""

    events: int
    orders: int
    form: Form = "facts"

    @property
    def prefix(self) -> str:
        """What stands before `orders` in the topic's name: sellstream's `KAFKA_TOPIC_PREFIX` for this data."""
        return f"bench-{self.form}-v{VERSION}-{self.events}-{self.orders}."

    @property
    def topic(self) -> str:
        return f"{self.prefix}orders"

    def states(self) -> Iterator[Order]:
        """The events in the order in which they are written."""
        chance = random.Random(_SEED)  # noqa: S311 - the same events each time
        numbers = list(range(self.orders))
        chance.shuffle(numbers)
        numbers += [int(chance.random() * self.orders) for _ in range(self.events - self.orders)]
        changes = [0] * self.orders
        for event, number in enumerate(numbers):
            yield Order(number, changes[number], event)
            changes[number] += 1

    @property
    def final(self) -> tuple[Order, ...]:
        """The last state of each order, in the order in which they are written."""
        return _final(self.events, self.orders)

    @property
    def expected(self) -> Expected:
        return _expected(self.events, self.orders)

    def last_of_each_partition(self) -> tuple[Order, ...]:
        """The orders whose final rows appear when a reader that keeps the order has done all of a partition."""
        return _last_of_each_partition(self.events, self.orders)


# Kept between the rounds: a million states take seconds.


@cache
def _final(events: int, orders: int) -> tuple[Order, ...]:
    last = {state.number: state for state in Dataset(events, orders).states()}
    return tuple(sorted(last.values(), key=lambda state: state.event))


@cache
def _expected(events: int, orders: int) -> Expected:
    final = _final(events, orders)
    digests = (hashlib.md5(state.canonical().encode(), usedforsecurity=False) for state in final)
    return Expected(len(final), sum(int(digest.hexdigest()[:15], 16) for digest in digests))


@cache
def _last_of_each_partition(events: int, orders: int) -> tuple[Order, ...]:
    return tuple({partition_of(state.key.encode(), PARTITIONS): state for state in _final(events, orders)}.values())


def fact(state: Order) -> OrderChangedV2:
    """The event as sellstream's own model."""
    return OrderChangedV2(
        marketplace=MARKETPLACE,
        account=ACCOUNT,
        order_id=state.order_id,
        status=OrderStatus(state.status),
        marketplace_status=state.status,
        placed_at=state.placed_at,
        updated_at=state.updated_at,
        total=_money(state.total),
        lines=[OrderLine(item_id=state.item_id, title="A book, hardcover", quantity=1, unit_price=_money(state.total))],
        buyer=Buyer(id=state.buyer_id),
    )


def _money(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency=CURRENCY)


_CHANGING = ("order_id", "status", "placed_at", "updated_at", "total_amount", "buyer_id", "item_id")


def _template() -> str:
    """The encoded fact with a place for each value that changes: encoding a model a million times takes a minute."""
    sample = Order(7, 0, 7)
    text = fact(sample).encode().decode()
    for name in _CHANGING:
        text = text.replace(json.dumps(sample.columns()[name]), f'"%({name})s"')
    return text


_TEMPLATE = _template()


def encoded(state: Order) -> bytes:
    """The event as `fact(state).encode()` gives it, quickly."""
    return (_TEMPLATE % state.columns()).encode()


def _micros(time: datetime) -> str:
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    return str(since // timedelta(microseconds=1))
