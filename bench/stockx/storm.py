"""Many listings created, updated, activated and deleted by commands while replicas are killed; what became of it."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench.stockx.fewest import Fewest, fewest, lives
from bench.stockx.fleet import Fleet
from bench.stockx.shop import Shop
from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_tail
from libs.db.pool import Database
from schemas.envelope import Envelope
from schemas.listing_operations.listing_operation_changed import ListingOperationChangedV1
from schemas.listings.listing_changed import ListingChangedV1
from schemas.registry import read_fact

_TOGETHER = 16
_OPEN = """
SELECT (SELECT count(*) FROM stockx_poller.operations WHERE status IN ('waiting', 'sending', 'doubtful', 'pending'))
     + (SELECT count(*) FROM stockx_poller.listings WHERE stale) + (SELECT count(*) FROM stockx_poller.outbox)
"""
_AT_STOCKX = """
SELECT count(*) FROM stockx_poller.operations WHERE status IN ('waiting', 'sending', 'doubtful')
"""
_SWEPT = "SELECT count(*) FROM stockx_poller.accounts WHERE swept_at IS NOT NULL AND history_at > now()"

Kill = Callable[["Storm"], Coroutine[Any, Any, None]]
"""Kills replicas while a wave goes on; cancelled at its end."""


class StormFailed(Exception):
    """It did not end, or not as it should; the text says what was found."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found at the end. `calls` are those about listings, by route; `refused`: 429s, by their reason."""

    calls: Mapping[str, int]
    refused: Mapping[str, int]
    bound: Fewest
    kills: int
    seconds: float
    commands: int

    @property
    def used(self) -> int:
        return sum(self.calls.values())

    @property
    def ratio(self) -> float:
        """Calls used, as a multiple of the fewest that any schedule needs."""
        return self.used / self.bound.calls


@dataclass
class Storm:
    """Four waves of commands; see `run`."""

    shop: Shop
    fleet: Fleet
    database: Database
    kafka: KafkaSettings
    listings: int
    deadline: float
    tell: Callable[[str], None]
    commands: list[str] = field(default_factory=list)
    given: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, kill: Kill) -> Outcome:
        """Give the commands, wave by wave, and check what became of them; raises StormFailed."""
        began = asyncio.get_running_loop().time()
        await self._until(_SWEPT, 1, "the account's listings and orders were read once")
        await self.shop.forget_calls()
        variants = await self.shop.variants(self.listings)
        create = [
            ("POST", "/listings", {"variant_id": variants[n % len(variants)], "amount": str(100 + n), "active": False})
            for n in range(self.listings)
        ]
        await self._wave("created", create, kill)
        truth = await self._truth("INACTIVE", [str(100 + n) for n in range(self.listings)])
        paths = [f"/listings/{each}" for each in truth]
        await self._wave("updated", [("PATCH", path, {"amount": "99"}) for path in paths], kill)
        await self._truth("INACTIVE", ["99"] * self.listings)
        await self._wave("activated", [("PATCH", path, {"active": True}) for path in paths], kill)
        await self._truth("ACTIVE", ["99"] * self.listings)
        await self._wave("deleted", [("DELETE", path, None) for path in paths], kill)
        await self._truth("DELETED", ["99"] * self.listings)
        calls, refused = await self.shop.calls()
        seconds = asyncio.get_running_loop().time() - began
        await self._facts()
        begun = Counter(each["type"] for each in await self.shop.operations())
        if begun != dict.fromkeys(("CREATE", "UPDATE", "ACTIVATE", "DELETE"), self.listings):
            raise StormFailed(f"operations were lost, or done twice: {dict(begun)}")
        return Outcome(
            dict(calls), refused, fewest(lives(self.listings)), self.fleet.kills, seconds, len(self.commands)
        )

    async def at_stockx(self) -> None:
        """Wait until every command of the wave was sent, and none is being sent."""
        await self.given.wait()
        await self._until(_AT_STOCKX, 0, "all commands are at StockX")

    async def _wave(self, name: str, commands: Sequence[tuple[str, str, Any]], kill: Kill) -> None:
        gate = asyncio.Semaphore(_TOGETHER)

        async def give(method: str, path: str, body: Any) -> str:
            async with gate:
                return await self.fleet.command(method, path, body)

        self.given.clear()
        await self.fleet.replenish()
        killing: asyncio.Task[None] = asyncio.create_task(kill(self))
        try:
            self.commands += await asyncio.gather(*(give(*each) for each in commands))
            self.given.set()
            await self._until(_OPEN, 0, f"all listings are {name}")
        finally:
            killing.cancel()
            await asyncio.wait({killing})
        if not killing.cancelled() and (error := killing.exception()):
            raise error
        calls, refused = await self.shop.calls()
        self.tell(f"{self.listings} {name}: {calls.total()} calls so far, refused: {refused or 'none'}")

    async def _truth(self, status: str, amounts: Sequence[str]) -> Mapping[str, Any]:
        truth = await self.shop.listings()
        found = Counter((each["status"], each["amount"]) for each in truth.values())
        wanted = Counter((status, amount) for amount in amounts)
        if found != wanted:
            raise StormFailed(f"StockX has what was not wanted: {found - wanted}; missing: {wanted - found}")
        return truth

    async def _facts(self) -> None:
        """The topics tell the same as StockX."""
        ends: dict[str, list[str]] = {}
        states: dict[str, str] = {}
        for topic in ("listing_operations", "listings"):
            async for record in read_tail(
                self.kafka, topic, since=datetime(1970, 1, 1, tzinfo=UTC), most_per_partition=10**7
            ):
                fact = read_fact(Envelope.of(record.headers), record.value)
                if isinstance(fact, ListingOperationChangedV1):
                    ends.setdefault(fact.id, []).append(str(fact.status))
                elif isinstance(fact, ListingChangedV1):
                    states[fact.listing_id] = fact.marketplace_status
        bad = {each: ends.get(each) for each in self.commands if set(ends.get(each, ())) != {"started", "succeeded"}}
        if bad or len(ends) != len(self.commands):
            raise StormFailed(f"operations whose facts are wrong: {dict(list(bad.items())[:5])}, {len(ends)} in all")
        if Counter(states.values()) != {"DELETED": self.listings}:
            raise StormFailed(f"listings whose facts are wrong: {Counter(states.values())}")

    async def _until(self, sql: str, wanted: int, what: str) -> None:
        try:
            async with asyncio.timeout(self.deadline):
                while True:
                    async with self.database.connection() as connection:
                        if await connection.fetchval(sql) == wanted:
                            return
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise StormFailed(f"it did not happen within {self.deadline} s: {what}") from None


def at_random(seed: int, pause: float) -> Kill:
    """Kill whoever does the work, at random moments, `pause` seconds apart on average; each is replaced."""
    dice = random.Random(seed)  # noqa: S311  (moments, not secrets)

    async def kill(storm: Storm) -> None:
        while True:
            await asyncio.sleep(dice.uniform(0.5, 1.5) * pause)
            await storm.fleet.kill_the_holder()
            await storm.fleet.start()

    return kill


async def once_sent(storm: Storm) -> None:
    """Kill whoever does the work once all commands of the wave are at StockX; it is replaced."""
    await storm.at_stockx()
    await storm.fleet.kill_the_holder()
    await storm.fleet.start()
