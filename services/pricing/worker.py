"""The Faust application: agents that take batches, tables that remember, and nothing decided.

```
unified_products, sell_listings, cost_rules, exchange_rates ────────────────▶ pricing-products ─▶ board ─▶ opportunities
product_matches, buy_offers ─▶ pricing-offers ─▶ offers joined with matches ─▶
unified_products, market_data ─▶ pricing-skus ─▶ markets joined with products ─▶
```
A batch is acknowledged when its messages and the tables' changes are durable: a worker that is killed does its last
batches again, which changes nothing (`take` would acknowledge a batch that was interrupted; `noack_take` does not).
A worker ends when its partitions are given out again, and all that it does ends before they are (`terms.py`).
Where nearly everything is unreadable, nothing more goes to the dead letters (`libs.bus.halt`): an agent then waits with
its batch, which is not acknowledged. It probes nothing, because only another program reads what this one cannot: a fact
that any agent can read ends the halt, or a restart.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence, Set
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import msgspec

from libs.bus.dead_letter import DeadLetters
from libs.bus.halt import Halt
from libs.bus.replay import is_replay
from libs.bus.settings import KafkaSettings
from libs.projection.record import Unreadable, locate
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import BUS_CONSUMED
from services.pricing.application import NAME, application, is_later, record_of
from services.pricing.application import remembered as remembered_of
from services.pricing.at_work import AtWork
from services.pricing.board import Board, Computed, is_shared
from services.pricing.config import Config
from services.pricing.handlers import HANDLERS, Remembered
from services.pricing.joins import JOINS
from services.pricing.messages import (
    ENTITIES_TABLE,
    PARTITIONS,
    PRODUCTS,
    PRODUCTS_TABLE,
    SHARED_TABLE,
    TABLES,
    Sent,
    decode_about_product,
    encode,
)
from services.pricing.opportunities import Opportunities, patiently
from services.pricing.repricing import Repricing

log = get_logger()

_STATELESS = frozenset({"exchange_rates", "market_data"})
"""Topics of which nothing is remembered: they have no partitions in common with the tables."""
_LOOK_SECONDS = 5.0
"""For a new day, and for rules that were given to a process that stands by."""
_STOP_SECONDS = 60.0
"""Faust that does not stop by then ends the service; nothing of it is at work any more."""
_json = msgspec.json.Encoder().encode

Batch = Sequence[Any]


def _today() -> date:
    return datetime.now(UTC).date()


class Worker:
    """All partitions, for one term. Built within a running event loop."""

    def __init__(
        self,
        config: Config,
        opportunities: Opportunities,
        repricing: Repricing,
        dead_letters: DeadLetters,
        halt: Halt,
        today: Callable[[], date] = _today,
    ) -> None:
        self._kafka: KafkaSettings = config.kafka
        self._opportunities = opportunities
        self._repricing = repricing
        self._dead_letters = dead_letters
        self._halt = halt
        self._today = today
        self._boards: dict[int, Board] = {}
        self._days: dict[int, date] = {}
        self._turn = asyncio.Lock()
        self._due = asyncio.Event()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._at_work = AtWork()
        self._recovered = False
        self._app = application(config)
        self._app.on_rebalance_complete.connect(self._on_ready, weak=False)
        self._app.on_partitions_revoked.connect(self._on_revoked, weak=False)
        tables = {name: self._app.Table(name, key_type=str, value_type=bytes) for name in TABLES}
        self._entities, self._products = tables[ENTITIES_TABLE], tables[PRODUCTS_TABLE]
        self._shared = tables[SHARED_TABLE]
        self._joined = {name: tables[join.table] for name, join in JOINS.items()}
        self._out = {name: self._topic(name) for name in (*JOINS, PRODUCTS)}
        for name in HANDLERS:
            self._agent(config, name, self._topic(name), self._on_facts)
        for name in JOINS:
            self._agent(config, name, self._out[name], self._on_joined)
        self._agent(config, PRODUCTS, self._out[PRODUCTS], self._on_products)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until the event is set, or the partitions are given out again: then this worker's state is of no use.

        Raises what an agent could not go on with; its batch is not acknowledged.
        """
        stopped, over = asyncio.create_task(stop.wait()), asyncio.create_task(self._at_work.over.wait())
        days = self._at_work.begin(self._keep_up())
        crashed = asyncio.create_task(self._app.wait_until_stopped())
        try:
            await self._app.start()
            ends: set[asyncio.Future[Any]] = {stopped, over, self._failed, days, crashed}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if crashed.done() and not (stop.is_set() or self._at_work.over.is_set()):
                raise RuntimeError(f"Faust stopped by itself: {self._app.crash_reason!r}")
        finally:
            for task in (stopped, over, crashed):
                task.cancel()
            await self._at_work.end()
            async with asyncio.timeout(_STOP_SECONDS):
                await self._app.stop()
        for ended in (self._failed, days):
            if ended.done() and not ended.cancelled():
                ended.result()

    @property
    def ready(self) -> bool:
        return self._recovered and not self._at_work.over.is_set()

    async def check(self) -> None:
        """Raise unless partitions are assigned, the tables recovered, and nothing halts: for readiness."""
        if not self.ready:
            raise RuntimeError("the tables are being recovered")
        self._halt.check()

    def _topic(self, name: str) -> Any:
        return self._app.topic(
            self._kafka.topic(name), key_serializer="raw", key_type=bytes, value_serializer="raw", value_type=bytes
        )

    def _agent(
        self, config: Config, name: str, topic: Any, handle: Callable[[str, Batch], Coroutine[Any, Any, None]]
    ) -> None:
        async def agent(stream: Any) -> None:
            async for batch in stream.noack_take(config.batch, within=config.within_seconds):
                if not await self._done(handle(name, batch)):
                    await asyncio.get_running_loop().create_future()  # never acknowledged; the worker ends
                for event in batch:
                    await stream.ack(event)

        self._app.agent(topic, name=f"{NAME}.{name}")(agent)

    async def _done(self, handling: Coroutine[Any, Any, None]) -> bool:
        """Whether a batch was handled: not if it failed (run() raises why), nor if the worker ended meanwhile."""
        work = self._at_work.begin(handling)
        await asyncio.wait({work})
        if work.cancelled():
            return False
        if (error := work.exception()) is not None and not self._failed.done():
            self._failed.set_exception(error)
        return error is None

    async def _on_facts(self, topic: str, batch: Batch) -> None:
        """Facts of one topic: of each entity the last valid one counts, and goes where its handler sends it."""
        last: dict[str, tuple[Any, int]] = {}
        offsets: dict[str, int] = {}
        aside: list[Unreadable] = []
        stateful = topic not in _STATELESS
        for event in batch:
            record = record_of(event)
            found = locate(record, topic, NAME)
            fate = "skipped"
            if is_replay(record.headers):
                fate = "replay_refused"  # a price may follow from it, and go to a marketplace
            elif isinstance(found, Unreadable):
                if self._halt.halted:
                    aside.append(found)  # what is readable in this batch shall not wait with it, and may end the halt
                else:
                    await self._dead_letter(topic, found)
                continue
            elif found is not None:
                fate = "handled"
                self._halt.note(failed=False)
                place = f"{record.partition}/{topic}/{found.key}"
                if not stateful or is_later(
                    offsets, place, self._entities, record.offset, getattr(found.fact, "basis", None)
                ):
                    last[place] = (found.fact, record.offset)
            BUS_CONSUMED.labels(NAME, topic, fate).inc()
        sent: list[Sent] = []
        remembered: dict[str, bytes] = {}
        for place, (fact, offset) in last.items():
            stored = self._entities.get(place) if stateful else None
            here, messages = HANDLERS[topic](fact, remembered_of(stored).place if stored else None)
            sent += messages
            remembered[place] = _json(Remembered(offset, here))
        await self._send(sent)
        if stateful:
            for place, stored in remembered.items():
                self._entities[place] = stored
            await self._entities.durable()
        for unreadable in aside:
            await self._dead_letter(topic, unreadable)

    async def _dead_letter(self, topic: str, found: Unreadable) -> None:
        """Put a record into the dead letters; waits while halted."""
        async with self._halt.failing():
            await self._dead_letters.put(found.record, error=found.error, error_class=found.error_class, attempts=1)
        BUS_CONSUMED.labels(NAME, topic, "dead_letter").inc()

    async def _on_joined(self, topic: str, batch: Batch) -> None:
        """Messages of an internal topic, each put into the state of its key."""
        join, table = JOINS[topic], self._joined[topic]
        states: dict[str, Any] = {}
        sent: list[Sent] = []
        for event in batch:
            key = event.key.decode()
            place = f"{event.message.partition}/{key}"
            if place not in states:
                stored = table.get(place)
                states[place] = join.empty() if stored is None else join.stored(stored)
            sent += join.put(key, states[place], join.message(event.value))
        await self._send(sent)
        for place, state in states.items():
            table[place] = _json(state)
        await table.durable()

    async def _on_products(self, _topic: str, batch: Batch) -> None:
        """Parts of products, and what all partitions share: what follows from that is left to `_keep_up`.

        So a change of a rule is acknowledged before all is computed; whoever has the partition next computes all first.
        """
        async with self._turn:
            changed: dict[int, set[int]] = {}
            for event in batch:
                partition, told = event.message.partition, decode_about_product(event.value)
                board = self._board(partition)
                if is_shared(told):
                    if board.share(told):
                        self._days.pop(partition, None)
                        self._due.set()
                else:
                    board.change(int(event.key), told)
                    changed.setdefault(partition, set()).add(int(event.key))
            await asyncio.gather(self._products.durable(), self._shared.durable())
            for partition, products in changed.items():
                await self._renew(self._board(partition), products, self._today())

    async def _whole(self, partition: int) -> None:
        """Compute all of a partition. Between two parts of it, changes of products have their turn."""
        day, board = self._today(), self._board(partition)
        self._days[partition] = day
        for products in board.parts():
            async with self._turn:
                if self._boards.get(partition) is not board:
                    return  # it was given to another worker
                await self._renew(board, products, day)

    async def _renew(self, board: Board, products: set[int], day: date) -> None:
        await self._write(board, board.of_products(products, day))
        await self._reprice(board, products)

    async def _reprice(self, board: Board, products: set[int]) -> None:
        """Propose prices for the listings of some products that have rules."""
        listings = board.listings(products)
        rules = await patiently(partial(self._repricing.ruled, list(listings))) if listings else {}
        if not rules:
            return
        ours = rules.keys() | await patiently(partial(self._repricing.published, list(listings)))
        markets = [
            board.market(listings[number], number, self._today(), ours)
            for number in sorted(rules.keys() & listings.keys())
        ]
        await patiently(partial(self._repricing.consider, markets, rules))

    async def reprice(self, listings: Set[int]) -> None:
        """Propose for listings whose rules were changed."""
        for partition in sorted(self._assigned()) if self.ready and listings else ():
            board = self._board(partition)
            if products := {product for number, product in board.listings().items() if number in listings}:
                async with self._turn:
                    await self._reprice(board, products)

    async def _write(self, board: Board, computed: Computed) -> None:
        due = board.to_write(computed)
        await self._products.durable()
        await self._opportunities.write(due)
        board.written(due)

    async def _keep_up(self) -> None:
        """All is computed anew when it became ours, when a day begins, and after new cost rules or rates.

        Repricing rules are looked at where they were changed: perhaps not by us.
        """
        known: dict[int, int] = {}
        while True:
            self._due.clear()
            for partition in sorted(self._assigned()) if self.ready else ():
                if self._days.get(partition) != self._today():
                    await self._whole(partition)
            if self.ready:
                changed = await patiently(self._repricing.changed)
                await self.reprice({number for number, version in changed.items() if known.get(number) != version})
                known = changed
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), _LOOK_SECONDS)

    def _assigned(self) -> set[int]:
        name = self._kafka.topic(PRODUCTS)
        return {place.partition for place in self._app.consumer.assignment() if place.topic == name}

    def _board(self, partition: int) -> Board:
        if partition not in self._boards:
            self._boards[partition] = Board(partition, self._products, self._shared)
        return self._boards[partition]

    async def _send(self, sent: Sequence[Sent]) -> None:
        """Publish to internal topics; returns when all is durable."""
        acknowledged = []
        for one in sent:
            topic, value = self._out[one.topic], encode(one.message)
            if one.key is not None:
                acknowledged.append(await topic.send(key=one.key.encode(), value=value, force=True))
            else:
                for partition in range(PARTITIONS):
                    acknowledged.append(await topic.send(key=b"*", value=value, partition=partition, force=True))
        await asyncio.gather(*acknowledged)

    def _on_ready(self, *_: object, **__: object) -> None:
        self._recovered = True
        self._due.set()

    async def _on_revoked(self, *_: object, **__: object) -> None:
        """The partitions are given out again when this returns: nothing of ours may be written after that."""
        if self._recovered:
            await self._at_work.end()
