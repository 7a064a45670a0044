"""The HTTP API under /api/v1/stockx. A user sees and does what belongs to his own accounts."""

from collections.abc import Callable
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from libs.db.errors import DatabaseAway
from libs.db.pool import Database
from libs.http.openapi import Operation, Reply, Route, problems
from libs.http.server import Problem
from schemas.registry import summary
from services.stockx_poller import commands
from services.stockx_poller.commands import NewCommand
from services.stockx_poller.messages import (
    Accepted,
    AccountQuery,
    CommandPath,
    CommandTold,
    KeyHeader,
    ListingChangeBody,
    ListingPath,
    NewListingBody,
    QuotaTold,
    changed,
    created,
)
from services.stockx_poller.quota import QuotaReport
from services.stockx_poller.situation import Kind
from services.stockx_poller.users import Users

BEARER = "bearer"
PATH = "/api/v1/stockx"
MOST_BYTES = 64 * 1024

M = TypeVar("M", bound=BaseModel)


class ListingsApi:
    """The handlers. `wake` is told the account of a new command."""

    def __init__(self, users: Users, database: Database, report: QuotaReport, wake: Callable[[str], None]) -> None:
        self._users = users
        self._database = database
        self._report = report
        self._wake = wake

    def routes(self) -> tuple[Route, ...]:
        listing = f"{PATH}/listings/{{listing_id}}"
        return (
            Route("POST", f"{PATH}/listings", self.create, _CREATE),
            Route("PATCH", listing, self.change, _CHANGE),
            Route("DELETE", listing, self.delete, _DELETE),
            Route("GET", f"{PATH}/commands", self.command_of_key, _COMMAND_OF_KEY),
            Route("GET", f"{PATH}/commands/{{command_id}}", self.command, _COMMAND),
            Route("GET", f"{PATH}/quota", self.quota, _QUOTA),
        )

    async def create(self, request: web.Request) -> web.Response:
        user, account = self._who(request)
        body = _checked(NewListingBody, await _json(request))
        new = NewCommand(account, user, Kind.CREATE, created(body), variant_id=body.variant_id)
        return await self._keep(request, new)

    async def change(self, request: web.Request) -> web.Response:
        user, account = self._who(request)
        listing_id = _checked(ListingPath, dict(request.match_info)).listing_id
        body = _checked(ListingChangeBody, await _json(request))
        kind = {None: Kind.UPDATE, True: Kind.ACTIVATE, False: Kind.DEACTIVATE}[body.active]
        return await self._keep(request, NewCommand(account, user, kind, changed(body), listing_id=listing_id))

    async def delete(self, request: web.Request) -> web.Response:
        user, account = self._who(request)
        listing_id = _checked(ListingPath, dict(request.match_info)).listing_id
        return await self._keep(request, NewCommand(account, user, Kind.DELETE, changed(None), listing_id=listing_id))

    async def command(self, request: web.Request) -> web.Response:
        user = self._users.user(request)
        command_id = _checked(CommandPath, dict(request.match_info)).command_id
        try:
            found = await commands.find(self._database, self._users.accounts(user), command_id)
        except DatabaseAway as error:
            raise _away(error) from None
        if found is None:
            raise Problem(404, "You have given no such command.")
        return _answer(CommandTold.of(found))

    async def command_of_key(self, request: web.Request) -> web.Response:
        user, account = self._who(request)
        key = _key(request)
        if key is None:
            raise Problem(422, "Name the command by the Idempotency-Key under which it was given.")
        try:
            found = await commands.find_by_key(self._database, account, user, key)
        except DatabaseAway as error:
            raise _away(error) from None
        if found is None:
            raise Problem(404, "You have given no command under this Idempotency-Key.")
        return _answer(CommandTold.of(found))

    async def quota(self, request: web.Request) -> web.Response:
        user = self._users.user(request)
        try:
            return _answer(await self._report.told(self._users.accounts(user)))
        except DatabaseAway as error:
            raise _away(error) from None

    def _who(self, request: web.Request) -> tuple[str, str]:
        user = self._users.user(request)
        return user, self._users.account(user, _checked(AccountQuery, dict(request.query)).account)

    async def _keep(self, request: web.Request, new: NewCommand) -> web.Response:
        try:
            kept = await commands.keep(self._database, new, _key(request))
        except DatabaseAway as error:
            raise _away(error) from None
        self._wake(new.account)
        url = f"{PATH}/commands/{kept.id}"
        answer = _answer(Accepted(**CommandTold.of(kept).model_dump(), status_url=url), 202)
        answer.headers["Location"] = url
        if kept.replayed:
            answer.headers["Idempotency-Replayed"] = "true"
        return answer


def _key(request: web.Request) -> str | None:
    return _checked(KeyHeader, {"Idempotency-Key": request.headers.get("Idempotency-Key")}).idempotency_key


def _away(error: DatabaseAway) -> Problem:
    return Problem(503, f"Nothing was kept: {error}. Send it again.", headers={"Retry-After": "5"})


async def _json(request: web.Request) -> object:
    if request.content_length is not None and request.content_length > MOST_BYTES:
        raise Problem(413, f"A command has at most {MOST_BYTES} bytes.")
    try:
        return await request.json()
    except (ValueError, RecursionError):
        raise Problem(400, "The body is not JSON, or nests too deeply.") from None


def _checked(model: type[M], told: object) -> M:
    try:
        return model.model_validate(told)
    except ValidationError as error:
        raise Problem(422, f"The request is wrong: {summary(error)}.") from None


def _answer(body: BaseModel, status: int = 200) -> web.Response:
    return web.Response(body=body.model_dump_json().encode(), content_type="application/json", status=status)


_KEPT = Reply(
    "The command is durable, and will be carried out",
    Accepted,
    headers={"Location": "Where its state is told", "Idempotency-Replayed": "true if it was kept before"},
)
_REPLIES = {202: _KEPT} | problems(
    400, 401, 404, s422="The request is wrong, or its Idempotency-Key belongs to another one", s503="Nothing was kept"
)


_CREATE = Operation(
    "Create a listing",
    tags=("listings",),
    query=AccountQuery,
    header=KeyHeader,
    body=NewListingBody,
    replies=_REPLIES | problems(413),
    security=(BEARER,),
)
_CHANGE = Operation(
    "Change, activate or deactivate a listing",
    tags=("listings",),
    path=ListingPath,
    query=AccountQuery,
    header=KeyHeader,
    body=ListingChangeBody,
    replies=_REPLIES | problems(413),
    security=(BEARER,),
)
_DELETE = Operation(
    "Delete a listing",
    tags=("listings",),
    path=ListingPath,
    query=AccountQuery,
    header=KeyHeader,
    replies=_REPLIES,
    security=(BEARER,),
)
_COMMAND = Operation(
    "What became of a command",
    tags=("listings",),
    path=CommandPath,
    replies={200: Reply("The command", CommandTold)} | problems(401, 404, 422, 503),
    security=(BEARER,),
)
_COMMAND_OF_KEY = Operation(
    "What became of the command that was given under an Idempotency-Key",
    tags=("listings",),
    query=AccountQuery,
    header=KeyHeader,
    replies={200: Reply("The command", CommandTold)} | problems(401, 404, 422, 503),
    security=(BEARER,),
)
_QUOTA = Operation(
    "What is left today, what is planned, and until when",
    tags=("quota",),
    replies={200: Reply("The quota", QuotaTold)} | problems(401, 503),
    security=(BEARER,),
)
