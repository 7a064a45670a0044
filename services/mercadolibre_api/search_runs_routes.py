"""POST /mlSearchRuns: runs of searches with their results, kept for whoever searches (mission, "mlSearchRuns")."""

import json
from datetime import UTC, datetime

from aiohttp import web
from pydantic import BaseModel, Field, SecretStr, ValidationError

from libs.bus.publisher import NotPublished
from libs.bus.reader import KafkaAway
from libs.commands.command import Command
from libs.commands.errors import FactRefused, OtherRequest, ReadModelBehind
from libs.commands.requests import Request
from libs.commands.run import Commands
from libs.db.errors import DatabaseAway, NotMigrated
from libs.http.answer import NotJson, exact_json
from libs.http.openapi import Operation, Reply, Route
from libs.http.server import REQUEST_ID
from libs.marketplaces.mercadolibre.normalise import MARKETPLACE
from libs.projection.live_build import OtherVersion
from libs.read_models.search_runs.project import READ_MODEL, SearchRunRow
from libs.telemetry.log import get_logger
from services.mercadolibre_api.search_runs import NotPossible, created, deleted, updated
from services.mercadolibre_api.search_runs_requests import (
    CreateRun,
    DeleteRun,
    SearchRunOperation,
    SearchRunsRequest,
    UpdateRun,
)
from services.mercadolibre_api.unified import Refused, Result, UnifiedResult, require_worker_key, told

log = get_logger()

SEQUENCE = "search_runs"
MOST_BYTES = 8 * 1024 * 1024

_ACTIONS = frozenset({"1", "2", "3"})
_LATER_SECONDS = 2


class SearchRunsHeaders(BaseModel):
    """What a request may bring beside its body."""

    key: str | None = Field(default=None, alias="X-Worker-Key", description="Needed where the service has a key")
    idempotency: str | None = Field(
        default=None, alias="Idempotency-Key", max_length=255, description="The same request under it is done once"
    )


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
        replies={
            200: Reply("Carried out: the runs' numbers, empty for deleted ones", UnifiedResult),
            400: Reply("The body is wrong, or there is no such run; nothing was changed", UnifiedResult),
            401: Reply("The worker's key is missing or wrong", UnifiedResult),
            422: Reply("The Idempotency-Key was used for another request", UnifiedResult),
            500: Reply("PostgreSQL failed", UnifiedResult),
            503: Reply("Not now: Kafka is away, or a read model lags behind", UnifiedResult),
        },
    )
    return (Route("POST", "/mlSearchRuns", handler.post, operation),)


class _SearchRuns:
    def __init__(self, commands: Commands, worker_key: SecretStr | None) -> None:
        self._commands = commands
        self._worker_key = worker_key

    async def post(self, request: web.Request) -> web.Response:
        headers: dict[str, str] = {}
        try:
            require_worker_key(request, self._worker_key)
            body = await request.read()
            values, old = await self._carry_out(_parsed(body), body, _idempotency_key(request))
            if old:
                headers["Idempotency-Replayed"] = "true"
        except Refused as refused:
            response = refused.response()
            if refused.status == 503:
                response.headers["Retry-After"] = str(_LATER_SECONDS)
            return response
        except Exception:
            log.exception("mlSearchRuns failed", request_id=request[REQUEST_ID])
            return Refused(500, f"an error of ours; our log tells more: {request[REQUEST_ID]}").response()
        answer = UnifiedResult(result=[Result(value=value, msg="success") for value in values])
        return web.json_response(answer.model_dump(), headers=headers)

    async def _carry_out(self, asked: SearchRunsRequest, body: bytes, key: str | None) -> tuple[list[str], bool]:
        async def work(command: Command) -> list[str]:
            return await decide(command, asked.search_runs, datetime.now(UTC))

        try:
            if key is None:
                return await self._commands.run(work), False
            values, old = await self._commands.run_once(Request("POST /mlSearchRuns", key, body), work)
        except (NotPossible, FactRefused) as error:
            raise Refused(400, str(error)) from error
        except OtherRequest as error:
            raise Refused(422, str(error)) from error
        except (DatabaseAway, NotMigrated) as error:
            log.warning("mlSearchRuns: not known to be carried out", error=str(error))
            raise Refused(500, _unknown(error)) from error
        except NotPublished as error:
            log.warning("mlSearchRuns: not known to be carried out", error=str(error))
            raise Refused(503, _unknown(error)) from error
        except (ReadModelBehind, OtherVersion, KafkaAway) as error:
            log.warning("mlSearchRuns: not now", error=str(error))
            raise Refused(503, f"nothing was changed; try again later ({type(error).__name__})") from error
        return [str(value) for value in values], old


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


def _idempotency_key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 1 <= len(key) <= 255:
        raise Refused(400, "the header Idempotency-Key must have 1 to 255 characters")
    return key


def _parsed(body: bytes) -> SearchRunsRequest:
    try:
        parsed = exact_json(body)
        json.dumps(parsed, ensure_ascii=False, default=str).encode()
        return SearchRunsRequest.model_validate(parsed)
    except NotJson as error:
        raise Refused(400, f"the body is not JSON: {error}") from error
    except UnicodeEncodeError:
        raise Refused(400, "the body holds half of a surrogate pair: no text can be made of it") from None
    except ValidationError as error:
        raise Refused(400, told(error, skip=_ACTIONS)) from error


def _unknown(error: Exception) -> str:
    return (
        "it is not known whether it was carried out: the same request again under its Idempotency-Key finds out "
        f"({type(error).__name__})"
    )
