"""The HTTP API under /ebay/sync. A user sees and does what belongs to his own accounts."""

from collections.abc import Mapping
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from libs.http.openapi import Operation, Reply, Route, problems
from libs.http.server import Problem
from schemas.registry import summary
from services.ebay_sync.config import Account
from services.ebay_sync.messages import (
    AccountList,
    AccountTold,
    EventsHeader,
    FailureTold,
    RunDetail,
    RunList,
    RunPath,
    RunsQuery,
    RunTold,
    Started,
    StartQuery,
    Stopping,
)
from services.ebay_sync.run import Kind, Mode, Run
from services.ebay_sync.runs import AlreadyRuns, Runs
from services.ebay_sync.stream import Streams, last_event_id
from services.ebay_sync.users import PATH, Users
from services.ebay_sync.worker import Worker

BEARER = "bearer"

Q = TypeVar("Q", bound=BaseModel)


class SyncApi:
    """The handlers."""

    def __init__(self, users: Users, runs: Runs, worker: Worker, streams: Streams) -> None:
        self._users = users
        self._runs = runs
        self._worker = worker
        self._streams = streams

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", f"{PATH}/inventory", self.start_inventory, _start("inventory")),
            Route("POST", f"{PATH}/offers", self.start_offers, _start("offers")),
            Route("GET", f"{PATH}/events/{{run_id}}", self.events, _EVENTS),
            Route("GET", f"{PATH}/accounts", self.accounts, _ACCOUNTS),
            Route("GET", f"{PATH}/runs", self.list_runs, _RUNS),
            Route("GET", f"{PATH}/runs/{{run_id}}", self.get_run, _RUN),
            Route("POST", f"{PATH}/runs/{{run_id}}/retry-failed", self.retry_failed, _RETRY),
            Route("POST", f"{PATH}/{{run_id}}/stop", self.stop, _STOP),
        )

    async def start_inventory(self, request: web.Request) -> web.Response:
        return await self._start(request, Kind.INVENTORY)

    async def start_offers(self, request: web.Request) -> web.Response:
        return await self._start(request, Kind.OFFERS)

    async def events(self, request: web.Request) -> web.StreamResponse:
        run = await self._run(request)
        return await self._streams.tell(request, run, last_event_id(request.headers.get("Last-Event-ID")))

    async def accounts(self, request: web.Request) -> web.Response:
        user = self._users.user(request)
        told = [AccountTold(account=a.account, marketplace_id=a.marketplace_id) for a in self._users.accounts(user)]
        return _json(AccountList(user_id=user, accounts=told))

    async def list_runs(self, request: web.Request) -> web.Response:
        user, query = self._users.user(request), _query(RunsQuery, request)
        own = self._users.accounts(user) if query.account is None else [self._users.account(user, query.account)]
        found = await self._runs.newest([account.account for account in own], query.kind, query.limit)
        return _json(RunList(runs=[RunTold.of(run) for run in found]))

    async def get_run(self, request: web.Request) -> web.Response:
        run = await self._run(request)
        failures = [FailureTold.of(one) for one in await self._runs.failures(run.run_id)]
        return _json(RunDetail(**RunTold.of(run).model_dump(), failures=failures))

    async def stop(self, request: web.Request) -> web.Response:
        run = await self._run(request)
        found = await self._runs.request_stop(run.run_id) or run
        self._worker.stop_run(run.run_id)
        message = "It stops at its next checkpoint" if found.active else "It has ended already"
        return _json(Stopping(run_id=found.run_id, status=found.status, message=message), 202 if found.active else 200)

    async def retry_failed(self, request: web.Request) -> web.Response:
        run = await self._run(request)
        if run.active:
            raise Problem(409, f"{run.run_id} has not ended yet: it tries its failed SKUs again by itself.")
        if not await self._runs.failures(run.run_id, 1):
            raise Problem(409, f"No SKU failed in {run.run_id}: there is nothing to try again.")
        account = self._users.account(run.user_id, run.account)
        return await self._begin(run.kind, Mode.RETRY, account, run.user_id, run.run_id)

    async def _start(self, request: web.Request, kind: Kind) -> web.Response:
        user, query = self._users.user(request), _query(StartQuery, request)
        return await self._begin(kind, query.mode, self._users.account(user, query.account), user)

    async def _begin(
        self, kind: Kind, mode: Mode, account: Account, user: str, retry_of: str | None = None
    ) -> web.Response:
        try:
            run = await self._runs.start(kind, mode, account.account, user, f"user {user}", retry_of)
        except AlreadyRuns as error:
            raise Problem(409, f"{kind.title()} sync of {account.account}: {error}.", run_id=error.run_id) from None
        self._worker.wake()
        return _json(Started(run_id=run.run_id, message=f"{kind.title()} sync started in background"))

    async def _run(self, request: web.Request) -> Run:
        user, run_id = self._users.user(request), request.match_info["run_id"]
        run = await self._runs.get(run_id)
        if run is None or run.account not in {account.account for account in self._users.accounts(user)}:
            raise Problem(404, "You have no such run.")
        return run


def _query(model: type[Q], request: web.Request) -> Q:
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise Problem(422, f"The query is wrong: {summary(error)}.") from None


def _json(body: BaseModel, status: int = 200) -> web.Response:
    return web.Response(body=body.model_dump_json().encode(), content_type="application/json", status=status)


def _secured(told: str, replies: Mapping[int, Reply], **more: object) -> Operation:
    return Operation(told, tags=("sync",), replies=replies, security=(BEARER,), **more)  # type: ignore[arg-type]  # the fields of Operation


def _start(what: str) -> Operation:
    return _secured(
        f"Synchronise an account's {what}",
        {200: Reply("It runs in the background", Started)}
        | problems(401, 404, 422, s409="The account's run of this kind has not ended yet; `run_id` names it"),
        description="Answers at once. The events of the run tell its progress.",
        query=StartQuery,
    )


_EVENTS = _secured(
    "A run's events, live",
    {200: Reply("Server-Sent Events, ended by an event `end`", str, "text/event-stream")} | problems(401, 404),
    path=RunPath,
    header=EventsHeader,
)
_ACCOUNTS = _secured("The user's eBay accounts", {200: Reply("Accounts", AccountList)} | problems(401))
_RUNS = _secured("Runs", {200: Reply("Newest first", RunList)} | problems(401, 404, 422), query=RunsQuery)
_RUN = _secured("One run, with what failed", {200: Reply("The run", RunDetail)} | problems(401, 404), path=RunPath)
_STOP = _secured(
    "Stop a run",
    {200: Reply("It had ended already", Stopping), 202: Reply("It stops at its next checkpoint", Stopping)}
    | problems(401, 404),
    path=RunPath,
)
_RETRY = _secured(
    "Try again what failed in a run",
    {200: Reply("A run of those SKUs alone", Started)} | problems(401, 404, 409),
    path=RunPath,
)
