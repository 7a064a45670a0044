"""The bank's two files over HTTP, as of the sandbox's clock."""

from collections.abc import Sequence
from datetime import datetime

from aiohttp import web

from services.sandbox.clock import Clock
from services.sandbox.ecb.publications import PUBLISHED_AT, Publication, ninety_days, published
from services.sandbox.faults import FaultAnswers, FaultKind

NAME = "ecb"
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"'
    ' xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">\n'
    "\t<gesmes:subject>Reference rates</gesmes:subject>\n"
    "\t<gesmes:Sender>\n\t\t<gesmes:name>European Central Bank</gesmes:name>\n\t</gesmes:Sender>\n"
    "\t<Cube>\n"
)
_FOOT = "\t</Cube>\n</gesmes:Envelope>\n"


def _plain(status: int, text: str, retry_after: int | None = None) -> web.Response:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return web.Response(status=status, text=text, headers=headers)


FAULT_ANSWERS: FaultAnswers = {
    FaultKind.OUTAGE: lambda fault: _plain(fault.status, "Service unavailable", fault.retry_after),
    FaultKind.BLOCKED: lambda _fault: _plain(403, "Forbidden"),
    FaultKind.RATE_LIMITED: lambda fault: _plain(429, "Too many requests", fault.retry_after),
    FaultKind.UNAUTHORIZED: lambda _fault: _plain(401, "Unauthorized"),
    FaultKind.NOT_FOUND: lambda _fault: _plain(404, "Not found"),
}


class EcbRoutes:
    """`/stats/eurofxref/eurofxref-daily.xml` and `/stats/eurofxref/eurofxref-hist-90d.xml`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/stats/eurofxref/eurofxref-daily.xml", self._daily)
        app.router.add_get("/stats/eurofxref/eurofxref-hist-90d.xml", self._history)
        return app

    async def _daily(self, _request: web.Request) -> web.Response:
        return _file(published(self._clock.now())[:1])

    async def _history(self, _request: web.Request) -> web.Response:
        return _file(ninety_days(self._clock.now()))


def _file(days: Sequence[Publication]) -> web.Response:
    if not days:
        return _plain(404, "Nothing was published yet: the sandbox's clock stands before its first rates.")
    answer = web.Response(text=document(days), content_type="text/xml", charset="utf-8")
    answer.last_modified = datetime.combine(days[0].day, PUBLISHED_AT)
    return answer


def document(days: Sequence[Publication]) -> str:
    """The XML file of some days, in the order given."""
    return _HEAD + "".join(_cube(each) for each in days) + _FOOT


def _cube(publication: Publication) -> str:
    rates = "".join(f"\t\t\t<Cube currency='{name}' rate='{rate}'/>\n" for name, rate in publication.rates.items())
    return f"\t\t<Cube time='{publication.day}'>\n{rates}\t\t</Cube>\n"
