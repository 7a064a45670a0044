"""The swap: a table takes the live one's place in one transaction, while readers read and the projector waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.bus.reader import Partition
from libs.db import checkpoints
from libs.db.errors import DatabaseAway, is_lock_timeout
from libs.db.pool import Connection, Database, away
from libs.projection.builds import SCHEMAS, Build, Place, exchange, find, promote
from libs.projection.catch_up import Source, catch_up, positions
from libs.projection.lease import APPLICATION, lease
from libs.projection.live_build import lock_live
from libs.projection.model import AnyReadModel
from libs.projection.progress import Progress
from libs.projection.table import Table

LOCK_MILLISECONDS = 1_500
"""How long a swap waits for a reader's lock: as long as that, later readers wait behind it.

Longer than PostgreSQL's deadlock_timeout (1 s): an autovacuum of the table gives way only to who has waited so long.
"""

DELTA_SECONDS = 10.0
"""How long the live projection may be kept waiting for the last records to be read."""

_ATTEMPTS = 60
_PAUSE_SECONDS = 1.0


class SwapRefused(Exception):
    """The swap would harm somebody, or cannot get its locks; the text says whom to ask. Nothing was changed."""


async def swap(
    model: AnyReadModel,
    holding: Connection,
    database: Database,
    live: Build,
    shadow: Build,
    source: Source,
    progress: Progress,
) -> None:
    """Bring the shadow to exactly where the live table is, and let it take its place. `holding` holds the lease."""
    await _outlast_old_readers(holding, progress)
    for attempt in range(1, _ATTEMPTS + 1):
        async with database.connection() as connection:
            goal = await positions(connection, live)
        progress.step("catching up")
        await catch_up(model, shadow, source, database.transaction, goal, progress)
        try:
            async with asyncio.timeout(DELTA_SECONDS):
                await _swap_once(model, holding, live, shadow, source, progress)
        except DatabaseAway as error:
            if not is_lock_timeout(error.__cause__) or attempt == _ATTEMPTS:
                raise
            progress.step("a reader holds the live table; trying again")
        except TimeoutError:
            if attempt == _ATTEMPTS:
                raise
            progress.step("the last records took too long; trying again")
        else:
            return
        await asyncio.sleep(_PAUSE_SECONDS)


async def _swap_once(
    model: AnyReadModel, holding: Connection, live: Build, shadow: Build, source: Source, progress: Progress
) -> None:
    with away():
        async with holding.transaction():
            await holding.execute(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
            await lock_live(holding, model)
            held = await checkpoints.hold(holding, live.id)

            @asynccontextmanager
            async def within() -> AsyncIterator[Connection]:
                yield holding

            # The live projection stands still from here to the commit; this is what it did since the last look.
            goal = {Partition(*one): offset for one, offset in held.items()}
            await catch_up(model, shadow, source, within, goal, progress)
            progress.step("swapping")
            await _copy_grants(holding, live, shadow)
            await promote(holding, model, live, shadow)


async def rollback(model: AnyReadModel, database: Database) -> tuple[Build, Build]:
    """Let the retired table take the live one's place again, and the other way round; return (new live, new retired).

    The projector then goes on from where the table was when it was retired. Raises SwapRefused, RebuildRuns.
    """
    async with lease(database, model.name, "rollback") as holding:
        await refuse_dependants(holding, model)
        with away():
            live = await find(holding, model.name, SCHEMAS[Place.LIVE])
            retired = await find(holding, model.name, SCHEMAS[Place.RETIRED])
            if live is None or retired is None:
                raise SwapRefused(f"There is no retired table of {model.name}: it was never swapped.")
            async with holding.transaction():
                await holding.execute(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
                await lock_live(holding, model)
                await checkpoints.hold(holding, live.id)
                await _copy_grants(holding, live, retired)
                await exchange(holding, live, retired)
            return retired, live


async def refuse_dependants(connection: Connection, model: AnyReadModel) -> None:
    """Raise SwapRefused if a view or a foreign key hangs on the live table: it would stay with the retired one."""
    found = await connection.fetch(
        """
        SELECT DISTINCT 'the view ' || view.oid::regclass AS name
        FROM pg_depend JOIN pg_rewrite rule ON rule.oid = objid JOIN pg_class view ON view.oid = ev_class
        WHERE classid = 'pg_rewrite'::regclass AND refobjid = to_regclass($1) AND view.oid <> refobjid
        UNION SELECT 'the foreign key ' || conname || ' of ' || conrelid::regclass
        FROM pg_constraint WHERE contype = 'f' AND confrelid = to_regclass($1)
        ORDER BY name
        """,
        Table(model, SCHEMAS[Place.LIVE]).name,
    )
    if found:
        names = ", ".join(row["name"] for row in found)
        raise SwapRefused(
            f"These hang on the live table of {model.name} and would stay with the old one after a swap: {names}. "
            "Drop them, swap, and make them again; or read the table itself."
        )


async def _copy_grants(connection: Connection, live: Build, other: Build) -> None:
    """Whoever may read the live table may read its successor."""
    grants = await connection.fetch(
        """
        SELECT privilege_type, is_grantable,
               CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS who
        FROM pg_class, aclexplode(relacl) WHERE oid = to_regclass($1) AND grantee <> relowner
        """,
        f"{live.schema}.{live.read_model}",
    )
    for grant in grants:
        option = " WITH GRANT OPTION" if grant["is_grantable"] else ""
        await connection.execute(
            f"GRANT {grant['privilege_type']} ON {other.schema}.{other.read_model} TO {grant['who']}{option}"
        )


async def _outlast_old_readers(connection: Connection, progress: Progress) -> None:
    """Wait until every snapshot is younger than the shadow's rows.

    Who reads within a snapshot that is older would find, after the swap, a table without rows.
    """
    ready = await connection.fetchval("SELECT clock_timestamp()")
    for attempt in range(_ATTEMPTS):
        old = await connection.fetch(
            """
            SELECT pid, application_name, xact_start FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
              AND backend_xmin IS NOT NULL AND xact_start < $1 AND NOT starts_with(application_name, $2)
            """,
            ready,
            APPLICATION,  # other rebuilds look at their own tables only
        )
        if not old:
            return
        if attempt == 0:
            progress.step("waiting for transactions that began before the new table was ready")
        await asyncio.sleep(_PAUSE_SECONDS)
    names = ", ".join(
        f"pid {row['pid']} ({row['application_name']}, since {row['xact_start']:%H:%M:%S})" for row in old
    )
    raise SwapRefused(
        f"Not swapped: these transactions are older than the new table and would find it without its rows: {names}. "
        "Wait for their end, or end them; then run the rebuild again, it goes on from here."
    )
