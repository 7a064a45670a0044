"""Reports: made now from the read models, or once a week for every user and kept."""

from datetime import UTC, datetime

from libs.db.pool import Connection, Database
from libs.read_models.market_data.project import READ_MODEL, MarketDataRow
from libs.read_models.reads import SCHEMA
from services.market_data.available import StockLine, available
from services.market_data.dead_stock import Report, report
from services.market_data.own_sales import Sale, own_sales
from services.market_data.run import Fate, Item, Status
from services.market_data.work import Turn

_MARKETS = f"SELECT {', '.join(READ_MODEL.columns)} FROM {SCHEMA}.{READ_MODEL.name}"  # noqa: S608  (names of our own)


class Reports:
    """Makes, keeps and finds reports. Everything may raise DatabaseAway."""

    def __init__(self, database: Database, dead_after_days: int) -> None:
        self._database = database
        self._dead_after_days = dead_after_days

    async def now(self, user_id: str) -> Report:
        """A user's report as of this moment."""
        async with self._database.transaction(isolation="repeatable_read", readonly=True) as connection:
            stock, markets, sales = await self._read(connection)
        return report(user_id, stock, markets, sales, datetime.now(UTC), self._dead_after_days)

    async def kept(self, user_id: str, report_id: str) -> Report | None:
        """One that was kept."""
        async with self._database.connection() as connection:
            told = await connection.fetchval(
                "SELECT report::text FROM market.reports WHERE user_id = $1 AND report_id = $2", user_id, report_id
            )
        return None if told is None else Report.model_validate_json(told)

    async def all_kept(self, user_id: str, most: int = 60) -> list[tuple[str, datetime]]:
        """Ids and times, newest first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT report_id, made_at FROM market.reports WHERE user_id = $1 ORDER BY made_at DESC LIMIT $2",
                user_id,
                most,
            )
        return [(row["report_id"], row["made_at"]) for row in rows]

    async def __call__(self, turn: Turn) -> Status:
        """The Task: a report for everybody who has stock, all as of one moment."""
        at = datetime.now(UTC)
        async with self._database.transaction(isolation="repeatable_read") as connection:
            stock, markets, sales = await self._read(connection)
            users = sorted({line.user_id for line in stock})
            for user in users:
                made = report(user, stock, markets, sales, at, self._dead_after_days)
                await connection.execute(
                    "INSERT INTO market.reports (report_id, user_id, made_at, report) VALUES ($1, $2, $3, $4::jsonb) "
                    "ON CONFLICT (report_id, user_id) DO NOTHING",
                    turn.run.run_id,
                    user,
                    at,
                    made.model_dump_json(),
                )
        if turn.run.total is None:
            items = [Item(number, user, None, Fate.DONE) for number, user in enumerate(users, 1)]
            await turn.runs.plan(turn.run.run_id, items)
        return Status.COMPLETED

    async def _read(self, connection: Connection) -> tuple[list[StockLine], list[MarketDataRow], list[Sale]]:
        rows = [READ_MODEL.row_of(record) for record in await connection.fetch(_MARKETS)]
        return await available(connection), rows, await own_sales(connection)
