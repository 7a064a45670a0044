"""POST /mlJobs: the job queue of the search pipeline, for workers in any language."""

from aiohttp import web
from pydantic import BaseModel, Field, SecretStr, ValidationError

from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Connection
from libs.http.openapi import Operation, Reply, Route
from libs.http.server import REQUEST_ID
from libs.http.unified import (
    Refused,
    Result,
    UnifiedResult,
    require_worker_key,
    succeeded,
    told,
)
from libs.jobs import JobEnded, JobQueue, JobUnknown, LockLost, Unstorable, update_in
from libs.jobs.backoff import Backoff
from libs.telemetry.log import get_logger
from services.mercadolibre_api.jobs_requests import (
    DequeuedJob,
    DequeueRequest,
    EnqueueRequest,
    JobsAnswer,
    JobsRequest,
    UpdateRequest,
)

log = get_logger()

_ACTIONS = frozenset({"1", "2", "4"})


class WorkerKey(BaseModel):
    """Needed where the service is configured with a key."""

    key: str | None = Field(default=None, alias="X-Worker-Key")


def routes(queue: JobQueue, worker_key: SecretStr | None, backoff: Backoff | None = None) -> tuple[Route, ...]:
    """The one route. `worker_key`: what a request must bring in X-Worker-Key; None: nothing."""
    handler = _Jobs(queue, worker_key, backoff or Backoff())
    operation = Operation(
        "Enqueue jobs, tell how they ended, and lock the next one",
        "An operation's `action` says which it is: 1 enqueue, 2 update, 4 dequeue (as a number or a text). "
        "Several operations in one request are carried out all or none.",
        header=WorkerKey,
        body=JobsRequest,
        replies={
            200: Reply("Carried out", JobsAnswer),
            400: Reply("The body is wrong, or the job is not as it says; nothing was changed", UnifiedResult),
            401: Reply("The worker's key is missing or wrong", UnifiedResult),
            500: Reply("PostgreSQL failed; nothing was changed", UnifiedResult),
        },
    )
    return (Route("POST", "/mlJobs", handler.post, operation),)


class _Jobs:
    def __init__(self, queue: JobQueue, worker_key: SecretStr | None, backoff: Backoff) -> None:
        self._queue = queue
        self._worker_key = worker_key
        self._backoff = backoff

    async def post(self, request: web.Request) -> web.Response:
        try:
            require_worker_key(request, self._worker_key)
            answer = JobsAnswer(result=await self._carry_out(_parsed(await request.read())))
        except Refused as refused:
            return refused.response()
        except Exception:
            log.exception("mlJobs failed", request_id=request[REQUEST_ID])
            return Refused(500, f"an error of ours; our log tells more: {request[REQUEST_ID]}").response()
        return web.json_response(answer.model_dump())

    async def _carry_out(self, asked: JobsRequest) -> list[Result | DequeuedJob]:
        try:
            async with self._queue.database.transaction() as connection:
                enqueues = [one for one in asked.jobs if isinstance(one, EnqueueRequest)]
                if len(enqueues) == len(asked.jobs):
                    made = await self._queue.enqueue_in(connection, [one.job() for one in enqueues])
                    return [succeeded(one.job_id) for one in made]
                return [result for one in asked.jobs for result in await self._one(connection, one)]
        except (JobUnknown, JobEnded, LockLost, Unstorable) as error:
            raise Refused(400, str(error)) from error
        except (DatabaseAway, NotMigrated) as error:
            log.warning("mlJobs: not carried out", error=str(error))
            raise Refused(500, f"nothing was changed; try again later ({type(error).__name__})") from error

    async def _one(
        self, connection: Connection, one: EnqueueRequest | UpdateRequest | DequeueRequest
    ) -> list[Result | DequeuedJob]:
        match one:
            case EnqueueRequest():
                (made,) = await self._queue.enqueue_in(connection, [one.job()])
                return [succeeded(made.job_id)]
            case UpdateRequest():
                await update_in(connection, self._queue, one.update(), self._backoff)
                return [succeeded(one.job_id)]
            case DequeueRequest():
                job = await self._queue.dequeue_or_resume_in(connection, one.locked_by, lock_seconds=one.lock_seconds)
                return [] if job is None else [DequeuedJob.of(job)]


def _parsed(body: bytes) -> JobsRequest:
    try:
        return JobsRequest.model_validate_json(body)
    except ValidationError as error:
        raise Refused(400, told(error, skip=_ACTIONS)) from error
