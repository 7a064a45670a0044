"""How the quota stands, and what is planned: read from PostgreSQL, which all replicas share."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from libs.db.pool import Database
from libs.marketplaces.stockx.limits import StockXLimits
from services.stockx_poller.messages import AccountPlan, QuotaTold
from services.stockx_poller.plan import Load, plan
from services.stockx_poller.scheduler import Rules
from services.stockx_poller.situation import Quotas
from services.stockx_poller.survey import Survey

USUAL_SECONDS = 30.0
"""Of an operation, as long as none has ended."""

_LOAD = """
SELECT
    count(*) FILTER (WHERE status = 'waiting') AS waiting,
    count(*) FILTER (WHERE status = 'waiting' AND kind = 'create') AS creations,
    count(*) FILTER (WHERE status IN ('sending', 'doubtful')) AS doubtful,
    count(*) FILTER (WHERE status = 'pending' AND batch_no IS NULL) AS pending,
    count(*) FILTER (WHERE status = 'pending' AND batch_no IS NOT NULL) AS in_batches,
    count(DISTINCT batch_no) FILTER (WHERE status = 'pending') AS pending_batches,
    (SELECT count(*) FROM stockx_poller.listings WHERE account = $1 AND stale) AS stale,
    (SELECT extract(epoch FROM percentile_cont(0.95) WITHIN GROUP (ORDER BY ended_at - sent_at))::float8 FROM (
        SELECT ended_at, sent_at FROM stockx_poller.operations
        WHERE account = $1 AND ended_at IS NOT NULL AND sent_at IS NOT NULL ORDER BY ended_at DESC LIMIT 200) AS late
    ) AS typical,
    (SELECT halted_why FROM stockx_poller.accounts WHERE account = $1 AND halted_until > now()) AS halted
FROM stockx_poller.operations
WHERE account = $1 AND status IN ('waiting', 'sending', 'doubtful', 'pending')
"""


class QuotaReport:
    """Tells how things stand."""

    def __init__(self, database: Database, survey: Survey, limits: StockXLimits, rules: Rules) -> None:
        self._database = database
        self._survey = survey
        self._limits = limits
        self._rules = rules

    async def told(self, accounts: Sequence[str]) -> QuotaTold:
        """The application's limits and these accounts' plans. Raises DatabaseAway."""
        quotas, now = await self._survey.quotas(), datetime.now(UTC)
        return QuotaTold(
            requests_left=quotas.requests,
            requests_a_day=self._limits.requests_a_day,
            reserve=self._rules.reserve,
            items_left_now=quotas.items,
            items_a_day=self._limits.items_a_day,
            resets_at=now + timedelta(seconds=quotas.day_ends_in),
            accounts=[await self._account(each, quotas, now) for each in accounts],
        )

    async def _account(self, account: str, quotas: Quotas, now: datetime) -> AccountPlan:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_LOAD, account)
        if row is None:
            raise AssertionError("an aggregate always has a row")
        load = Load(
            waiting=row["waiting"],
            creations=row["creations"],
            doubtful=row["doubtful"],
            pending=row["pending"],
            pending_batches=row["pending_batches"],
            stale=row["stale"],
            typical=row["typical"] or USUAL_SECONDS,
        )
        made = plan(
            load,
            quotas,
            packing=self._rules.packing,
            window=self._limits.items_window_seconds,
            items=self._limits.items,
            reserve=self._rules.reserve,
        )
        return AccountPlan(
            account=account,
            waiting=load.waiting,
            doubtful=load.doubtful,
            pending=load.pending + row["in_batches"],
            planned_requests=made.calls,
            all_known_at=now + timedelta(seconds=made.seconds) if made.seconds else None,
            fits_today=made.fits,
            halted=row["halted"],
        )
