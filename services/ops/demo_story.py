"""What happens in the demo's minute: traffic, poison, an outage, a rebuild while traffic flows, and the end."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp

from libs.db.pool import Database
from libs.stack import StackError
from services.ops.demo_promises import KINDS, Verdict
from services.ops.demo_view import Figures, View, read_figures
from services.ops.processes import sellstream_command

_LOOK_SECONDS = 0.5
_SETTLE_SECONDS = 120
_QUIET_LOOKS = 6
_OUTAGE_SHARE = 0.2


class Story:
    """Plays the minute against a running sellstream and says what it sees."""

    def __init__(
        self,
        sandbox: aiohttp.ClientSession,
        database: Database,
        ports: Mapping[str, int],
        environ: Mapping[str, str],
        view: View,
    ) -> None:
        self._sandbox = sandbox
        self._database = database
        self._ports = ports
        self._environ = environ
        self._view = view
        self._figures = Figures()

    async def run(self, seconds: int, rate: float) -> list[Verdict]:
        """Play it; the promises that can only be seen while it happens."""
        watching = asyncio.create_task(self._watch())
        try:
            rebuilt = await self._play(seconds, rate)
            settled = await self._settle()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        return [*rebuilt, self._dead_letters(), settled]

    async def _play(self, seconds: int, rate: float) -> list[Verdict]:
        traffic = {"rate": rate, "seconds": seconds, "duplicates": 0.1, "reordering": 0.2}
        await self._post("/_traffic", traffic)
        self._view.news(f"the marketplaces send: {rate:g} changes a second, some twice, some out of order")
        await asyncio.sleep(seconds * 0.15)
        for marketplace in ("mercadolibre", "ebay", "square"):
            await self._post("/_poison", {"marketplace": marketplace})
        self._view.news("poison: broken JSON, wrong signatures, resources that do not exist, …")
        await asyncio.sleep(seconds * 0.1)
        outage = seconds * _OUTAGE_SHARE
        speed = float(self._environ["SANDBOX_SPEED"])
        await self._post("/_faults", {"marketplace": "mercadolibre", "kind": "outage", "seconds": outage * speed})
        self._view.news(f"MercadoLibre's API is away for {outage:.0f} s; its webhooks go on coming")
        await asyncio.sleep(outage + seconds * 0.1)
        self._view.news("MercadoLibre is back; every read model is rebuilt while traffic flows")
        return [await self._rebuild(kind.table) for kind in KINDS]

    async def _rebuild(self, name: str) -> Verdict:
        process = await asyncio.create_subprocess_exec(
            *sellstream_command("read-models", "rebuild", name),
            env=dict(self._environ),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        lines = [" ".join(line.split()) for line in output.decode(errors="replace").splitlines() if line.strip()]
        digests = [line for line in lines if "sha256:" in line]
        told = "; ".join(digests) or (lines[-1] if lines else "it said nothing")
        self._view.news(f"{name}: {told}")
        return Verdict(f"{name}: rebuilt beside the live one, equal, swapped in", process.returncode == 0, told)

    async def _settle(self) -> Verdict:
        """Wait until traffic has ended and nothing moves any more."""
        self._view.news("waiting until everything sent has its fate")
        promise = "every input has its fate, and nothing is stuck"
        try:
            async with asyncio.timeout(_SETTLE_SECONDS):
                await self._until_quiet()
        except TimeoutError:
            told = f"after {_SETTLE_SECONDS} s {self._figures.lag} behind, {self._figures.in_flight} in hand"
            return Verdict(promise, False, told)
        self._view.show(self._figures)
        return Verdict(promise, True, ", ".join(f"{count} {fate}" for fate, count in self._figures.fates.items()))

    async def _until_quiet(self) -> None:
        quiet, before = 0, ""
        while quiet < _QUIET_LOOKS:
            await asyncio.sleep(_LOOK_SECONDS)
            async with self._sandbox.get("/_traffic") as answer:
                flowing = (await answer.json())["running"]
            # A refused poison delivery is sent again for a day; nobody waits for that.
            async with self._sandbox.get("/_sent", params={"state": "waiting", "poison": "false"}) as answer:
                waiting = (await answer.json())["deliveries"]
            now = repr(self._figures)
            busy = flowing or waiting or self._figures.in_flight or self._figures.lag
            quiet = 0 if busy or now != before else quiet + 1
            before = now

    def _dead_letters(self) -> Verdict:
        count = sum(self._figures.dead_letters.values())
        told = ", ".join(f"{number} {name}" for name, number in sorted(self._figures.dead_letters.items()))
        return Verdict("poison ends in the dead letters, its neighbours do not", count > 0, told or "none")

    async def _watch(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
            while True:
                self._figures = await read_figures(session, self._ports, self._database)
                self._view.show(self._figures)
                await asyncio.sleep(_LOOK_SECONDS)

    async def _post(self, path: str, body: Mapping[str, Any]) -> None:
        async with self._sandbox.post(path, json=body) as answer:
            if answer.status >= 400:
                raise StackError(f"the sandbox refused {path} {dict(body)}: {answer.status} {await answer.text()}")
