"""The HTTP API of runs: begun, followed, stopped, let go on; and imports."""

from dataclasses import asdict

from aiohttp import BodyPartReader, web

from libs.db.pool import Database
from libs.http.openapi import Operation, Reply, Route, problems
from libs.http.server import Problem
from libs.read_models.market_data.queries import market_of
from services.market_data.answers import answer, checked, while_away_503
from services.market_data.available import Wanted
from services.market_data.csv_rows import NotCsv, read_rows
from services.market_data.imports import items_of
from services.market_data.messages import (
    MOST_ITEMS,
    ImportTold,
    ItemsQuery,
    ItemTold,
    KindQuery,
    MarketQuery,
    MarketsTold,
    MarketTold,
    RunPath,
    RunsTold,
    RunTold,
    RunWithItems,
    StartQuery,
)
from services.market_data.run import Fate, Item, Kind, Run
from services.market_data.runs import AlreadyRuns, Runs
from services.market_data.users import Users

BEARER = "bearer"
RUNS = "/api/v1/market-data/runs"
IMPORT = "/api/v1/inventory/import"
MOST_BYTES = 4 * 1024 * 1024


class RunsApi:
    """The handlers. `kinds`: those that this service is configured for."""

    def __init__(self, users: Users, database: Database, runs: Runs, kinds: frozenset[Kind], most_rows: int) -> None:
        self._users = users
        self._database = database
        self._runs = runs
        self._kinds = kinds
        self._most_rows = most_rows

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", RUNS, self.start, _START),
            Route("GET", RUNS, self.list, _LIST),
            Route("GET", f"{RUNS}/{{run_id}}", self.show, _SHOW),
            Route("POST", f"{RUNS}/{{run_id}}/stop", self.stop, _STOP),
            Route("POST", f"{RUNS}/{{run_id}}/resume", self.resume, _RESUME),
            Route("POST", IMPORT, self.take_in, _IMPORT),
            Route("GET", "/api/v1/market-data", self.markets, _MARKETS),
        )

    @while_away_503
    async def start(self, request: web.Request) -> web.Response:
        user = self._users.user(request)
        asked = checked(StartQuery, dict(request.query))
        kind = Kind(asked.kind)
        self._configured(kind)
        items = None if asked.sku is None else [Item(1, asked.sku, asdict(Wanted(asked.sku, None)))]
        try:
            run_id = await self._runs.start(kind, user, items=items)
        except AlreadyRuns as error:
            raise Problem(409, f"{error}.", run_id=error.run_id) from None
        return await self._told(str(run_id), 202)

    @while_away_503
    async def list(self, request: web.Request) -> web.Response:
        user = self._users.user(request)
        kind = checked(KindQuery, dict(request.query)).kind
        return answer(RunsTold(runs=[RunTold.of(run) for run in await self._runs.newest(user, kind)]))

    @while_away_503
    async def show(self, request: web.Request) -> web.Response:
        run = await self._run(request)
        query = checked(ItemsQuery, dict(request.query))
        fates = tuple(Fate) if query.fate is None else (query.fate,)
        items = await self._runs.items(run.run_id, fates, MOST_ITEMS, query.after)
        following = items[-1].number if len(items) == MOST_ITEMS else None
        told = RunTold.of(run).model_dump()
        return answer(RunWithItems(**told, items=[ItemTold.of(item) for item in items], next=following))

    @while_away_503
    async def stop(self, request: web.Request) -> web.Response:
        run = await self._run(request)
        await self._runs.request_stop(run.run_id)
        return await self._told(run.run_id, 202)

    @while_away_503
    async def resume(self, request: web.Request) -> web.Response:
        run = await self._run(request)
        self._configured(run.kind)
        try:
            again = await self._runs.resume(run)
        except AlreadyRuns as error:
            raise Problem(409, f"{error}.", run_id=error.run_id) from None
        if not again:
            raise Problem(409, f"{run.run_id} has ended for good: it is {run.status}.")
        return await self._told(run.run_id, 202)

    @while_away_503
    async def take_in(self, request: web.Request) -> web.Response:
        user = self._users.user(request)
        self._configured(Kind.INVENTORY_IMPORT)
        try:
            rows = read_rows(await _file(request), self._most_rows)
        except NotCsv as error:
            raise Problem(422, f"Nothing was taken in: {error}.") from None
        import_id = str(await self._runs.start(Kind.INVENTORY_IMPORT, user, user_id=user, items=items_of(rows)))
        location = f"{RUNS}/{import_id}"
        wrong = sum(row.valid is None for row in rows)
        return answer(ImportTold(import_id=import_id, rows=len(rows), wrong=wrong, location=location), 202, location)

    @while_away_503
    async def markets(self, request: web.Request) -> web.Response:
        self._users.user(request)
        sku = checked(MarketQuery, dict(request.query)).sku
        async with self._database.connection() as connection:
            rows = await market_of(connection, sku)
        return answer(MarketsTold(markets=[MarketTold.of(row) for row in rows]))

    async def _run(self, request: web.Request) -> Run:
        """The run of the path, if the user may see it; raises Problem 404."""
        user = self._users.user(request)
        run = await self._runs.get(checked(RunPath, {"run_id": request.match_info["run_id"]}).run_id)
        if run is None or run.user_id not in (None, user):
            raise Problem(404, "You have no such run.")
        return run

    async def _told(self, run_id: str, status: int) -> web.Response:
        run = await self._runs.get(run_id)
        if run is None:
            raise Problem(404, "There is no such run any more.")
        return answer(RunTold.of(run), status, f"{RUNS}/{run_id}")

    def _configured(self, kind: Kind) -> None:
        if kind not in self._kinds:
            needs = "MARKET_DATA_STOCKX" + (" and MARKET_DATA_NOTION" if kind is Kind.NOTION_SALES else "")
            raise Problem(503, f"This service is not configured for that: set {needs}.")


async def _file(request: web.Request) -> bytes:
    """The file: the body itself, or the part `file` of a form."""
    if (request.content_length or 0) > MOST_BYTES:
        raise Problem(413, f"A file has at most {MOST_BYTES} bytes.")
    if request.content_type != "multipart/form-data":
        return await request.read()
    try:
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name == "file":
                return await _bounded(part)
    except ValueError:
        raise Problem(400, "The form cannot be read.") from None
    raise Problem(422, "The form has no part called file.")


async def _bounded(part: BodyPartReader) -> bytes:
    """The part; a form whose length is not told is bounded, too."""
    content = bytearray()
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > MOST_BYTES:
            raise Problem(413, f"A file has at most {MOST_BYTES} bytes.")
    return bytes(content)


_SECURE = (BEARER,)
_RUN = {202: Reply("The run", RunTold, headers={"Location": "Where it is told of"})} | problems(401, 503)
_START = Operation(
    "Begin a synchronisation of market data, of Notion's sales, or the dead-stock report",
    tags=("runs",),
    query=StartQuery,
    replies=_RUN | problems(422, s409="One runs already; `run_id` names it"),
    security=_SECURE,
)
_LIST = Operation(
    "The newest runs",
    tags=("runs",),
    query=KindQuery,
    replies={200: Reply("The runs", RunsTold)} | problems(401, 422, 503),
    security=_SECURE,
)
_SHOW = Operation(
    "A run and its items; of an import, its report row by row",
    tags=("runs",),
    path=RunPath,
    query=ItemsQuery,
    replies={200: Reply("The run", RunWithItems)} | problems(401, 404, 422, 503),
    security=_SECURE,
)
_STOP = Operation(
    "Stop a run behind the item that it has in hand",
    tags=("runs",),
    path=RunPath,
    replies=_RUN | problems(404),
    security=_SECURE,
)
_RESUME = Operation(
    "Let a run that was stopped or failed go on with what is left",
    tags=("runs",),
    path=RunPath,
    replies=_RUN | problems(404, s409="It has ended for good, or another one runs"),
    security=_SECURE,
)
_IMPORT = Operation(
    "Take a CSV file of inventory in: all of it, or nothing",
    "The file is the body, or the part `file` of a multipart form. services/market_data/README.md lists the columns.",
    tags=("inventory",),
    body=str,
    body_media_type="text/csv",
    replies={202: Reply("It is checked now", ImportTold, headers={"Location": "Where it is told of"})}
    | problems(400, 401, 413, s422="The file as a whole cannot be read; nothing was kept", s503="Nothing was kept"),
    security=_SECURE,
)
_MARKETS = Operation(
    "The market of a product's sizes on every platform, with its history",
    tags=("market data",),
    query=MarketQuery,
    replies={200: Reply("The markets", MarketsTold)} | problems(401, 422, 503),
    security=_SECURE,
)
