"""Traffic: changes at a given rate, with poison among the notifications."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from services.sandbox.notifier import Disorder, Notifier
from services.sandbox.seeded import chance, stream
from services.sandbox.world import World

TICK_SECONDS = 0.05


@dataclass(frozen=True)
class Plan:
    """`rate` changes per second of ours for `seconds` (None: until stopped); the others are shares from 0 to 1."""

    rate: float
    seconds: float | None = None
    duplicates: float = 0.0
    reordering: float = 0.0
    poison: float = 0.0
    marketplaces: Sequence[str] = ()


class Traffic:
    """Makes the world go on by itself."""

    def __init__(self, world: World, notifier: Notifier) -> None:
        self._world = world
        self._notifier = notifier
        self._random = stream(world.seed, "traffic")
        self._plan: Plan | None = None
        self._changed = asyncio.Event()
        self._began = 0.0
        self.made = 0

    def start(self, plan: Plan) -> None:
        """Go on as planned; a plan before is replaced."""
        self._plan = plan
        self._began = asyncio.get_running_loop().time()
        self._notifier.disorder = Disorder(plan.duplicates, plan.reordering)
        self._changed.set()

    def stop(self) -> None:
        """Make no more changes; what is on its way is still delivered."""
        self._plan = None
        self._notifier.disorder = Disorder()
        self._notifier.flush()
        self._changed.set()

    def shown(self) -> dict[str, Any]:
        plan = None if self._plan is None else asdict(self._plan)
        return {"running": self._plan is not None, "plan": plan, "changes": self.made}

    def among(self) -> tuple[str, ...]:
        """The marketplaces with an endpoint; without any, MercadoLibre, so that its world goes on all the same."""
        return tuple(name for name in self._notifier.channels if name in self._world.marketplaces) or ("mercadolibre",)

    def changes(self, number: int, among: Sequence[str], poison: float = 0.0) -> list[int]:
        """Make changes now and send their notices; return the numbers of the deliveries."""
        deliveries: list[int] = []
        for _ in range(number):
            name, notices = self._world.step(among)
            if poison and chance(self._random, poison) and self._world.marketplaces[name].poisons:
                notices = [*notices, self._world.poison(name)]
            deliveries += [delivery.number for delivery in self._notifier.send(name, notices)]
            self.made += 1
        return deliveries

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the plan until the event is set."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                changed = asyncio.create_task(self._changed.wait())
                await asyncio.wait({stopping, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                self._changed.clear()
                if self._plan is not None and not stop.is_set():
                    await self._follow(self._plan, stop)
        finally:
            stopping.cancel()

    async def _follow(self, plan: Plan, stop: asyncio.Event) -> None:
        """Keep up with the rate. A plan with an end makes `rate` × `seconds` changes, however busy the machine is."""
        clock, done = asyncio.get_running_loop().time, 0
        total = None if plan.seconds is None else round(plan.rate * plan.seconds)
        while self._plan is plan and not stop.is_set():
            due = int((clock() - self._began) * plan.rate)
            due = due if total is None else min(due, total)
            self.changes(due - done, plan.marketplaces, plan.poison)
            done = due
            if done == total:
                self.stop()
                return
            await asyncio.sleep(TICK_SECONDS)
