"""POST /mlSearchRuns: runs of searches with their results, kept for whoever searches (mission, "mlSearchRuns")."""

from datetime import UTC, datetime

from aiohttp import web
from pydantic import Field, SecretStr, ValidationError

from libs.commands.command import Command, Work
from libs.commands.run import Commands
from libs.commands.unified import REPLIES, IdempotencyHeader, NotPossible, answer, json_body
from libs.http.openapi import Operation, Reply, Route
from libs.http.unified import Refused, UnifiedResult, require_worker_key, told
from libs.marketplaces.mercadolibre.normalise import MARKETPLACE
from libs.read_models.search_runs.project import READ_MODEL, SearchRunRow
from services.mercadolibre_api.search_runs import created, deleted, updated
from services.mercadolibre_api.search_runs_requests import (
    CreateRun,
    DeleteRun,
    SearchRunOperation,
    SearchRunsRequest,
    UpdateRun,
)

SEQUENCE = "search_runs"
MOST_BYTES = 8 * 1024 * 1024

_ACTIONS = frozenset({"1", "2", "3"})


class SearchRunsHeaders(IdempotencyHeader):
    """What a request may bring beside its body."""

    key: str | None = Field(default=None, alias="X-Worker-Key", description="Needed where the service has a key")


def routes(commands: Commands, worker_key: SecretStr | None) -> tuple[Route, ...]:
    """The one route."""
    handler = _SearchRuns(commands, worker_key)
    operation = Operation(
        "Keep runs of searches with their results",
        "An operation's `action` says which it is: 1 create, 2 update, 3 delete (as a number or a text). Several "
        "operations in one request are carried out all or none. An item stands in a run's results once; a failed run "
        "always keeps its error.",
        header=SearchRunsHeaders,
        body=SearchRunsRequest,
        replies=REPLIES | {401: Reply("The worker's key is missing or wrong", UnifiedResult)},
    )
    return (Route("POST", "/mlSearchRuns", handler.post, operation),)


class _SearchRuns:
    def __init__(self, commands: Commands, worker_key: SecretStr | None) -> None:
        self._commands = commands
        self._worker_key = worker_key

    async def post(self, request: web.Request) -> web.Response:
        try:
            require_worker_key(request, self._worker_key)
        except Refused as refused:
            return refused.response()
        return await answer(request, self._commands, _parsed, _work)


def _work(asked: SearchRunsRequest) -> Work[list[str]]:
    async def work(command: Command) -> list[str]:
        return await decide(command, asked.search_runs, datetime.now(UTC))

    return work


async def decide(command: Command, operations: list[SearchRunOperation], now: datetime) -> list[str]:
    """Record what the operations ask for, each on what the ones before it have made; the answers' values."""
    ids = iter(await command.new_ids(SEQUENCE, sum(isinstance(one, CreateRun) for one in operations)))
    numbers = [next(ids) if isinstance(one, CreateRun) else one.search_run_id for one in operations]
    rows = await command.rows(READ_MODEL, {_key(number) for number in numbers})
    touched: set[int] = set()
    values = []
    for number, one in zip(numbers, operations, strict=True):
        if number in touched:
            raise NotPossible(f"search run {number} stands twice in one request")
        touched.add(number)
        match one:
            case CreateRun():
                command.record(READ_MODEL, created(number, one, now), new_in=SEQUENCE)
            case UpdateRun():
                command.record(READ_MODEL, updated(_known(rows, number), one, now))
            case DeleteRun():
                command.record(READ_MODEL, deleted(_known(rows, number), now))
        values.append("" if isinstance(one, DeleteRun) else str(number))
    return values


def _known(rows: dict[str, SearchRunRow], number: int) -> SearchRunRow:
    row = rows.get(_key(number))
    if row is None or row.deleted:
        raise NotPossible(f"there is no search run {number}")
    return row


def _key(number: int) -> str:
    return f"{MARKETPLACE}:{number}"


def _parsed(body: bytes) -> SearchRunsRequest:
    try:
        return SearchRunsRequest.model_validate(json_body(body))
    except ValidationError as error:
        raise Refused(400, told(error, skip=_ACTIONS)) from error
