"""The bodies of POST /mlJobs and its answers (mission, "MercadoLibre Jobs Queue")."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Discriminator, Field, Tag

from libs.http.unified import Result
from libs.jobs import Job, NewJob, Update
from libs.jobs.job import MAX_ATTEMPTS, PRIORITY
from libs.marketplaces.mercadolibre.jobs import JobType

MOST_OPERATIONS = 1000
_INT32 = 2**31 - 1
_YEAR_SECONDS = 366 * 86_400


def _read(given: Any) -> Any:
    return json.loads(given) if isinstance(given, str) else given


JsonObject = Annotated[dict[str, Any], BeforeValidator(_read), Field(description="An object, or a text that holds one")]
Action = BeforeValidator(str)
"""Actions come as numbers and as texts."""


class EnqueueRequest(BaseModel):
    """Action 1: create a job."""

    action: Annotated[Literal["1"], Action]
    job_type: JobType
    payload_json: JsonObject
    priority: int = Field(default=PRIORITY, ge=-_INT32, le=_INT32, description="Lower goes first")
    available_in_seconds: int = Field(default=0, ge=0, le=10 * _YEAR_SECONDS)
    max_attempts: int = Field(default=MAX_ATTEMPTS, ge=1, le=1000)
    dedupe_key: str | None = Field(
        default=None, min_length=1, max_length=500, description="No second unfinished job with the same key is made"
    )

    def job(self) -> NewJob:
        return NewJob(
            job_type=self.job_type,
            payload=self.payload_json,
            priority=self.priority,
            delay_seconds=self.available_in_seconds,
            max_attempts=self.max_attempts,
            dedupe_key=self.dedupe_key,
        )


class UpdateRequest(BaseModel):
    """Action 2: how a run ended."""

    action: Annotated[Literal["2"], Action]
    job_id: int = Field(ge=1, le=2**63 - 1)
    status: Literal["succeeded", "retry", "failed_permanent"]
    last_error: JsonObject | None = None
    unlock: bool
    backoff_seconds: int | None = Field(
        default=None, ge=0, le=_YEAR_SECONDS, description="Without it: 60 s, doubling with each attempt, at most 3600 s"
    )
    locked_by: str | None = Field(
        default=None, min_length=1, max_length=200, description="Refuse unless this worker holds the lock"
    )

    def update(self) -> Update:
        return Update(self.job_id, self.status, self.last_error, self.unlock, self.backoff_seconds, self.locked_by)


class DequeueRequest(BaseModel):
    """Action 4: lock the next job."""

    action: Annotated[Literal["4"], Action]
    locked_by: str = Field(min_length=1, max_length=200)
    lock_seconds: int = Field(default=120, ge=1, le=86_400)


def _action(given: Any) -> str:
    action = given.get("action") if isinstance(given, dict) else getattr(given, "action", None)
    return str(action)


Operation = Annotated[
    Annotated[EnqueueRequest, Tag("1")] | Annotated[UpdateRequest, Tag("2")] | Annotated[DequeueRequest, Tag("4")],
    Discriminator(
        _action,
        custom_error_type="action",
        custom_error_message="action must be 1 (enqueue), 2 (update) or 4 (dequeue)",
    ),
]


class JobsRequest(BaseModel):
    """One operation or several; they are carried out in their order, all or none."""

    jobs: list[Operation] = Field(min_length=1, max_length=MOST_OPERATIONS)


class DequeuedJob(BaseModel):
    """A job that is locked for the caller until `locked_until`."""

    job_id: int
    job_type: str
    payload_json: dict[str, Any]
    attempts: int
    max_attempts: int
    locked_until: str

    @classmethod
    def of(cls, job: Job) -> Self:
        return cls(
            job_id=job.job_id,
            job_type=job.job_type,
            payload_json=dict(job.payload),
            attempts=job.attempts,
            max_attempts=job.max_attempts,
            locked_until=_zulu(job.locked_until),
        )


class JobsAnswer(BaseModel):
    """For actions 1 and 2 a result each; for action 4 the job, or nothing where there is none."""

    result: list[Result | DequeuedJob]


def _zulu(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
