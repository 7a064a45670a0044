"""One scenario on a running system: traffic, trouble, peace, and the verdict."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

from aiokafka.errors import KafkaError
from asyncpg import PostgresError

from tests.chaos.actions import Doer, ordinary
from tests.chaos.evidence import FACTS, Evidence, Injected
from tests.chaos.gather import READ, Log, gather, stuck
from tests.chaos.plan import SECONDS, Plan
from tests.chaos.system import PATIENCE_SECONDS, ChaosSystem, readiness
from tests.chaos.verdict import LETTERS, forgiven_letters, judge

SETTLE_SECONDS = 120.0
ADVANCE_SECONDS = 1800
"""How far the sandbox's clock is moved on, again and again, until every retry has been made."""

AFTER_SALE = ("message", "claim", "feedback", "invoice")
_WARM_UPS = 5

_UNREACHABLE = (KafkaError, PostgresError, OSError, TimeoutError, AssertionError)


@dataclass
class Run:
    """Scenarios on one system; the evidence is that of all of them so far, so a late fault is found later."""

    system: ChaosSystem
    log: Log
    injected: dict[str, Injected] = field(default_factory=dict)
    retried: set[str] = field(default_factory=set)
    told: str = ""
    faults: Counter[str] = field(default_factory=Counter)
    """Of the last scenario."""

    async def warm_up(self) -> list[str]:
        """Some of everything, in peace: what an injection starts from, and proof that the system is well."""
        await self.system.post("/_world/orders", {"status": "paid"})
        for kind in AFTER_SALE:
            await self.system.post("/_world/after_sale", {"kind": kind})
        for _ in range(_WARM_UPS):  # one world in thirty has no question after forty steps
            await self.system.post("/_world/steps", {"steps": 40, "marketplace": "mercadolibre"})
            if problems := await self.settle():
                return problems
            empty = [topic for topic in READ if not ordinary(self.log.records[topic])]
            if not empty:
                return []
        return [f"nothing in {topic} after the warm-up" for topic in empty]

    async def scenario(self, plan: Plan) -> list[str]:
        """Do what the plan says, then wait until all is well again; the broken promises."""
        await self.log.read()
        traffic = plan.traffic
        await self.system.post(
            "/_traffic",
            {
                "rate": traffic.rate,
                "seconds": SECONDS,
                "duplicates": traffic.duplicates,
                "reordering": traffic.reordering,
                "poison": traffic.poison,
            },
        )
        doer = Doer(self.system, plan, self.log, self.injected)
        self.faults = doer.done
        try:
            await doer.do()
        except ExceptionGroup as group:
            return [f"an action could not be done: {error!r}" for error in group.exceptions]
        return await self.settle()

    async def settle(self) -> list[str]:
        """Wait until nothing is open and every promise is kept; what is still broken when patience ends.

        Everything is gathered and judged when nobody is stuck any more (half of what this suite cost was looking at
        rows that could not be right yet), and once more at the end of patience, for the report.
        """
        problems = ["never looked at"]
        began = time.monotonic()
        while time.monotonic() - began < SETTLE_SECONDS:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    problems = (
                        await self._open_business() or await stuck(self.system, self.log) or await self._verdict()
                    )
            except _UNREACHABLE as error:
                problems = [f"the system could not be asked: {error!r}"]
            if not problems:
                return []
            await asyncio.sleep(0.4)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return [*problems, *(one for one in await self._verdict() if one not in problems)]
        except _UNREACHABLE as error:
            return [*problems, f"the rest could not be judged: {error!r}"]

    async def _open_business(self) -> list[str]:
        """What is still on its way, and is hurried: retries that wait for the clock, an endpoint marked down."""
        if (await self.system.get("/_traffic"))["running"]:
            return ["traffic flows"]
        waiting = (await self.system.get("/_sent", state="waiting", poison="false"))["deliveries"]
        if not waiting:
            return []
        # Not before the gateway answers: the attempts would be spent on a closed door.
        if all(each["attempts"] for each in waiting) and not await readiness(self.system.ports["webhook_gateway"]):
            await self.system.post("/_clock", {"advance_seconds": ADVANCE_SECONDS})
        return [f"{len(waiting)} deliveries wait"]

    async def _verdict(self) -> list[str]:
        evidence = await gather(self.system, self.log, self.injected)
        await self._operate(evidence)
        self.told = summary(evidence)
        return judge(evidence)

    async def _operate(self, evidence: Evidence) -> None:
        """What an operator does: retry the dead letters of good notifications, bring eBay's endpoint up again."""
        if evidence.unwell:
            return
        letters = [each for each in forgiven_letters(evidence) if each not in self.retried]
        if letters:
            self.retried |= set(letters)
            status, output = await self.system.command("dlq", "retry", *letters, "--why", "chaos is over", "--yes")
            assert status == 0, f"dlq retry {letters}: {output}"
        if any(delivery.state == "dropped" for delivery in evidence.deliveries[-200:]):
            await self.system.post("/_ebay/validate", {})


def summary(evidence: Evidence) -> str:
    """How much was judged, so that a pass over nothing is seen to be one."""
    sent = evidence.deliveries
    again = sum(1 for each in sent if each.attempts > 1)
    lost = sum(1 for each in sent if each.state in ("lost", "dropped"))
    facts = sum(len(evidence.of(topic)) for topic in FACTS)
    letters = sum(len(evidence.of(topic)) for topic in LETTERS.values())
    rows = sum(len(found) for found in evidence.rows.values())
    return (
        f"{len(sent)} deliveries ({again} tried again, {lost} lost), {len(evidence.of('webhooks'))} webhooks, "
        f"{facts} facts, {letters} dead letters, {rows} rows"
    )
