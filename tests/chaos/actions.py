"""Doing what a plan says: each action begins at its time, lasts as long as it says, and is undone at its end."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from tests.chaos.evidence import MARK, REDRIVE_TO, Injected, LogRecord
from tests.chaos.gather import Log, refused_by_spool, spooled
from tests.chaos.injection import changed, inject
from tests.chaos.plan import Action, Plan
from tests.chaos.proxy import Trouble
from tests.chaos.system import ChaosSystem

Do = Callable[["Doer", Action], Awaitable[str | None]]
"""Does an action, to its end. Answers what came of it where that is not simply its fault: it is counted by that."""

RECOVERY_SECONDS = 5.0
"""How long after an outage a command may still fail because of it: a broker that was frozen is taken in again."""

DIFFERENT = 3
"""The exit status of a rebuild that is not what the live table is: that no outage excuses."""


class Doer:
    """Carries out one plan. `injected` collects what was written into topics, by mark; `done` counts the faults."""

    def __init__(self, system: ChaosSystem, plan: Plan, log: Log, injected: dict[str, Injected]) -> None:
        self.system = system
        self.plan = plan
        self.log = log
        self.injected = injected
        self.done: Counter[str] = Counter()
        self._outages = 0
        self._outage_ended = float("-inf")
        self._locks: dict[str, asyncio.Lock] = {}

    async def do(self) -> None:
        """All actions, each at its time; ends when the last is undone."""
        async with asyncio.TaskGroup() as group:
            for number, action in enumerate(self.plan.actions):
                group.create_task(self._one(number, action))

    def chance(self, number: int) -> random.Random:
        return random.Random(f"{self.plan.seed} {number}")

    def alone(self, target: str) -> asyncio.Lock:
        """Two actions on one server follow one another: it cannot be killed while it is down."""
        return self._locks.setdefault(target, asyncio.Lock())

    async def command(self, action: Action, *arguments: str, says: str) -> str:
        """Run `sellstream …` until it ends, or is killed after the action's seconds; what came of it.

        It may fail where its servers were away or could not be worked with, and never otherwise. `says`: what it prints
        when it has done something.
        """
        began = asyncio.get_running_loop().time()
        status, output = await self.system.command(*arguments, kill_after=action.seconds)
        if action.seconds and status == -signal.SIGKILL:
            return f"{action.fault}, killed on its way"
        if status == 0 and says in output:
            return f"{action.fault}, done"
        outage = self.outage_since(began)
        told = f"{' '.join(arguments)}: exit status {status}, in an outage: {outage}: {output}"
        assert outage and status not in (0, DIFFERENT), told  # noqa: PT018  # one sentence for all of them
        return f"{action.fault}, failed in an outage"

    def outage_since(self, began: float) -> bool:
        return self._outages > 0 or self._outage_ended + RECOVERY_SECONDS >= began

    def outage_begins(self) -> None:
        self._outages += 1

    def outage_ends(self) -> None:
        self._outages -= 1
        self._outage_ended = asyncio.get_running_loop().time()

    async def _one(self, number: int, action: Action) -> None:
        await asyncio.sleep(action.at)
        if action.takes_away:
            self.outage_begins()
        try:
            if action.kind == "inject":
                outcome = await self._inject(action, self.chance(number))
            else:
                outcome = await DO[action.kind](self, action)
        finally:
            if action.takes_away:
                self.outage_ends()
        self.done[outcome or action.fault] += 1

    async def _inject(self, action: Action, chance: random.Random) -> str | None:
        good = ordinary(self.log.records[action.target])
        # The log was read before the scenario: the base is chosen among what stood there.
        began = asyncio.get_running_loop().time()
        servers = self.system.stack.bootstrap_servers
        written = await inject(servers, action.target, str(action.detail("what")), good, chance)
        assert written is not None, f"{action.fault}: no record of {action.target} to start from"
        self.injected[written.mark] = written
        if not written.acknowledged:
            assert self.outage_since(began), f"{action.fault}: Kafka was there, and has refused it"
            return f"{action.fault}, not acknowledged"
        as_copy = action.detail("what") == "old state" and not changed(good)
        return f"{action.fault}, of what never changed" if as_copy else None


def ordinary(records: Iterable[LogRecord]) -> list[LogRecord]:
    """Those that neither this suite nor a retry nor a replay has written: what an injection may start from."""
    return [record for record in records if record.header(MARK) is None and record.header(REDRIVE_TO) is None]


async def _kill(doer: Doer, action: Action) -> None:
    pid = await doer.system.up(action.target)
    if action.target == "webhook_gateway" and await spooled(doer.system.ports[action.target]):
        doer.done["SIGKILL: webhook_gateway, deliveries in its spool"] += 1
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


async def _freeze(doer: Doer, action: Action) -> None:
    pid = await doer.system.up(action.target)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(action.seconds)
        os.kill(pid, signal.SIGCONT)


async def _network(doer: Doer, action: Action) -> None:
    link, only = doer.system.links[action.target], action.detail("only")
    trouble = Trouble(
        kind=action.detail("trouble"),  # type: ignore[arg-type]  # a plan holds plain words
        only=frozenset([str(only)] if only else []),
        delay=float(action.detail("delay", 0.1)),
        rate=float(action.detail("rate", 50_000)),
    )
    async with doer.alone(action.target):
        link.impose(trouble)
        await asyncio.sleep(action.seconds)
        link.heal()


async def _broker(doer: Doer, action: Action) -> None:
    broker = doer.system.stack.broker(action.target)
    async with doer.alone(action.target):
        if action.detail("how") == "freeze":
            broker.pause()
            await asyncio.sleep(action.seconds)
            broker.resume()
            return
        await (broker.kill() if action.detail("how") == "kill" else broker.stop())
        await asyncio.sleep(action.seconds)
        await broker.start()
        await broker.ready()


async def _postgres(doer: Doer, action: Action) -> None:
    postgres = doer.system.stack.postgres
    async with doer.alone("postgres server"):
        if action.detail("how") == "freeze":
            postgres.pause()
            await asyncio.sleep(action.seconds)
            postgres.resume()
            return
        await (postgres.kill() if action.detail("how") == "kill" else postgres.stop())
        await asyncio.sleep(action.seconds)
        await postgres.start()


async def _replica(doer: Doer, action: Action) -> str | None:
    process, member = await doer.system.join(action.target)
    if member:
        await asyncio.sleep(action.seconds)
    await doer.system.leave(process, kill=action.detail("leaves") == "kill")
    return None if member else f"({action.fault}: never got a partition)"


async def _marketplace(doer: Doer, action: Action) -> None:
    fault = {name: value for name, value in action.details if name != "fault"}
    body = {"marketplace": action.target, "kind": action.detail("fault"), **fault}
    made = await doer.system.post("/_faults", body)
    await asyncio.sleep(action.seconds)
    async with doer.system.sandbox.delete(f"/_faults/{made['id']}") as answer:
        assert answer.status < 300, f"the fault {made} could not be ended: {await answer.text()}"


async def _bad_notifications(doer: Doer, action: Action) -> None:
    await doer.system.post("/_poison", {"marketplace": action.target})


async def _clock(doer: Doer, action: Action) -> None:
    await doer.system.post("/_clock", {"advance_seconds": action.detail("forward")})


async def _rebuild(doer: Doer, action: Action) -> str:
    # Whether what it did is in order is for the judge to find.
    return await doer.command(action, "read-models", "rebuild", action.target, says="Swapped:")


async def _replay(doer: Doer, action: Action) -> str:
    consumer = "mercadolibre_enricher" if action.target == "webhooks" else "projector"
    arguments = ("topics", "replay", action.target, "--to", consumer, "--since", "2020-01-01T00:00:00Z", "--yes")
    return await doer.command(action, *arguments, says="were delivered again")


async def _service_clock(doer: Doer, action: Action) -> str | None:
    clocks = doer.system.clocks
    if not clocks.movable:
        return "(no C compiler: a service's clock was not moved)"
    async with doer.alone(f"clock of {action.target}"):
        clocks.move(action.target, float(action.detail("by")))
        await asyncio.sleep(action.seconds)
        clocks.move(action.target, 0)
    return None


async def _fill_spool(doer: Doer, action: Action) -> None:
    """Take all that is free on the disk of the gateway's spool, and give it back."""
    disk = doer.system.stack.spool_disk
    assert disk is not None, "the plan fills a disk that is not small"
    await _keep_full(disk, action.seconds)
    if await refused_by_spool(doer.system.ports["webhook_gateway"]):
        doer.done["fill spool, deliveries refused with 503"] += 1


async def _fill_disk(doer: Doer, action: Action) -> None:
    """Take all that is free on the broker's disk; give it back, and start the broker again if it has given up."""
    stack = doer.system.stack
    assert stack.disk is not None, "the plan fills a disk that is not small"
    (broker,) = stack.kafka.brokers
    await _keep_full(stack.disk, action.seconds)
    async with doer.alone(broker.name):
        await broker.kill()  # a broker whose only disk has failed does not come back by itself
        await broker.start()
        await broker.ready()


async def _keep_full(disk: Path, seconds: float) -> None:
    """Whatever is given back meanwhile is taken as well."""
    ballast = disk / "ballast"
    deadline = asyncio.get_running_loop().time() + seconds
    await asyncio.to_thread(_take_all, ballast)
    while asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.2)
        await asyncio.to_thread(_take_all, ballast)
    free = os.statvfs(disk).f_bavail
    ballast.unlink()
    assert free < 16, f"the disk was never full: {free} blocks were free at the end"


def _take_all(ballast: Path) -> None:
    """In ever smaller pieces: while others write, one of all that is free does not fit, and nothing of it is taken."""
    with ballast.open("ab") as file:
        free = os.statvfs(ballast.parent)
        piece = free.f_bavail * free.f_frsize
        while piece >= free.f_frsize:
            try:
                os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), piece)
            except OSError:
                piece //= 2


DO: Mapping[str, Do] = {
    "kill": _kill,
    "freeze": _freeze,
    "network": _network,
    "broker": _broker,
    "postgres": _postgres,
    "replica": _replica,
    "marketplace": _marketplace,
    "bad notifications": _bad_notifications,
    "clock": _clock,
    "rebuild": _rebuild,
    "replay": _replay,
    "service clock": _service_clock,
    "fill disk": _fill_disk,
    "fill spool": _fill_spool,
}
