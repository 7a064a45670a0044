"""Building a read model anew beside the live one, proving it, and swapping it in. No reader ever waits for it.

1. The shadow is filled from the beginning of the log, until it is close behind the live table.
2. Proof: live and shadow are compared at exactly the same offsets (proof.py).
3. Unless they differ: the shadow catches up, and takes the live one's place in one transaction (swap.py).

Everything is committed batch by batch with the checkpoints of the shadow: killed anywhere, the next rebuild goes on
from there, unless the read model's code has changed in the meantime.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from libs.bus.settings import KafkaSettings
from libs.db.pool import Connection, Database
from libs.projection.builds import SCHEMAS, Build, Place, create, drop, find
from libs.projection.catch_up import Source, catch_up, positions
from libs.projection.fill import fill
from libs.projection.lease import lease
from libs.projection.live_build import find_or_create_live
from libs.projection.model import AnyReadModel
from libs.projection.progress import Progress, Silent
from libs.projection.proof import Proof, prove
from libs.projection.swap import refuse_dependants, swap
from libs.projection.table import Table

_CLOSE_RECORDS = 2_000
_MOST_ROUNDS = 20


@dataclass(frozen=True)
class Outcome:
    """What a rebuild has shown and done. `resumed`: it went on where an interrupted one had stopped."""

    proof: Proof
    swapped: bool
    resumed: bool


class Rebuild:
    """The long operations on one read model. Raises RebuildRuns, KafkaAway, LogTooShort, DatabaseAway, SwapRefused."""

    def __init__(
        self,
        model: AnyReadModel,
        kafka: KafkaSettings,
        database: Database,
        progress: Progress | None = None,
        *,
        source: Source | None = None,
    ) -> None:
        self._model = model
        self._database = database
        self._source = source or Source(kafka)
        self._progress = progress or Silent()

    async def rebuild(self, *, restart: bool = False, accept_differences: bool = False) -> Outcome:
        """Build, prove, swap. Swaps when the digests are equal, the version is newer, or differences are accepted.

        Without a swap the shadow stays, for a look at it and for the next rebuild.
        """
        async with self._lease("rebuild") as holding:
            await refuse_dependants(holding, self._model)
            live = await find_or_create_live(self._database, self._model)
            shadow, resumed = await self._begin(Place.SHADOW, restart=restart)
            proof = await self._build_and_prove(live, shadow)
            may_swap = proof.equal or proof.rebuilt_version > proof.live_version or accept_differences
            if may_swap:
                await swap(self._model, holding, self._database, live, shadow, self._source, self._progress)
            return Outcome(proof, may_swap, resumed)

    async def verify(self) -> Proof:
        """Build into a table of its own, prove, drop: says whether the live table is what the log makes of it."""
        async with self._lease("verify"):
            live = await find_or_create_live(self._database, self._model)
            check, _ = await self._begin(Place.CHECK, restart=True)
            try:
                return await self._build_and_prove(live, check)
            finally:
                async with self._database.transaction() as connection:
                    await drop(connection, self._model, check.schema)

    async def _build_and_prove(self, live: Build, build: Build) -> Proof:
        await self._approach(live, build)
        return await prove(self._model, live, build, self._source, self._database, self._progress)

    async def _begin(self, place: Place, *, restart: bool) -> tuple[Build, bool]:
        """The unfinished build of this very code, or a new one."""
        schema = SCHEMAS[place]
        async with self._database.transaction() as connection:
            found = await find(connection, self._model.name, schema)
            if found is not None and not restart and await self._resumable(connection, found):
                return found, True
            await drop(connection, self._model, schema)
            return await create(connection, self._model, place, ()), False

    async def _resumable(self, connection: Connection, build: Build) -> bool:
        same = (build.version, build.fingerprint) == (self._model.version, self._model.fingerprint)
        return same and await Table(self._model, build.schema).exists(connection)

    async def _approach(self, live: Build, build: Build) -> None:
        """Read until only a little is missing to where the live table is now."""
        for _ in range(_MOST_ROUNDS):
            async with self._database.connection() as connection:
                goal = await positions(connection, live)
                begin = await positions(connection, build)
            missing = sum(max(0, offset - begin.get(one, 0)) for one, offset in goal.items())
            self._progress.step(f"building {build.schema}.{self._model.name}", missing)
            await fill(self._model, build, self._source, self._database, goal, self._progress)
            await catch_up(self._model, build, self._source, self._database.transaction, goal, self._progress)
            if missing <= _CLOSE_RECORDS:
                break
        async with self._database.transaction() as connection:
            await Table(self._model, build.schema).analyze(connection)

    def _lease(self, what: str) -> AbstractAsyncContextManager[Connection]:
        return lease(self._database, self._model.name, what)
