"""The HTTP API of the dead-stock report: as JSON, as a page, as CSV; as of now, or one that was kept."""

from collections.abc import Callable

from aiohttp import web

from libs.http.openapi import Operation, Reply, Route, problems
from libs.http.server import Problem
from services.market_data.answers import answer, checked, while_away_503
from services.market_data.dead_stock import Report
from services.market_data.messages import KeptReport, KeptReports, ReportQuery
from services.market_data.report_csv import as_csv
from services.market_data.report_page import as_page
from services.market_data.reports import Reports
from services.market_data.routes import BEARER
from services.market_data.users import Users

PATH = "/api/v1/reports/dead-stock"
_CSP = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class ReportApi:
    """The handlers."""

    def __init__(self, users: Users, reports: Reports) -> None:
        self._users = users
        self._reports = reports

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", PATH, self.json, _operation("as JSON", Reply("The report", Report))),
            Route("GET", f"{PATH}.html", self.page, _operation("as a page", Reply("A page", str, "text/html"))),
            Route("GET", f"{PATH}.csv", self.csv, _operation("as CSV", Reply("A file", str, "text/csv"))),
            Route("GET", f"{PATH}/kept", self.kept, _KEPT),
        )

    @while_away_503
    async def json(self, request: web.Request) -> web.Response:
        return answer(await self._report(request))

    @while_away_503
    async def page(self, request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": _CSP, "X-Content-Type-Options": "nosniff"}
        return _text(await self._report(request), lambda one: as_page(one).encode(), "text/html", headers)

    @while_away_503
    async def csv(self, request: web.Request) -> web.Response:
        headers = {"Content-Disposition": 'attachment; filename="dead-stock.csv"'}
        return _text(await self._report(request), as_csv, "text/csv", headers)

    @while_away_503
    async def kept(self, request: web.Request) -> web.Response:
        found = await self._reports.all_kept(self._users.user(request))
        return answer(KeptReports(reports=[KeptReport(report_id=one, made_at=at) for one, at in found]))

    async def _report(self, request: web.Request) -> Report:
        user = self._users.user(request)
        wanted = checked(ReportQuery, dict(request.query)).report
        if wanted is None:
            return await self._reports.now(user)
        found = await self._reports.kept(user, wanted)
        if found is None:
            raise Problem(404, "No such report of yours was kept.")
        return found


def _text(report: Report, write: Callable[[Report], bytes], content_type: str, headers: dict[str, str]) -> web.Response:
    return web.Response(body=write(report), content_type=content_type, charset="utf-8", headers=headers)


def _operation(how: str, reply: Reply) -> Operation:
    return Operation(
        f"The dead-stock report {how}",
        tags=("reports",),
        query=ReportQuery,
        replies={200: reply} | problems(401, 404, 422, 503),
        security=(BEARER,),
    )


_KEPT = Operation(
    "The weekly reports that were kept",
    tags=("reports",),
    replies={200: Reply("Newest first", KeptReports)} | problems(401, 503),
    security=(BEARER,),
)
