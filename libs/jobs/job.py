"""A job before, during and after it is done, and how a run of it can end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

JobError = Mapping[str, object]
"""Why a run failed, as JSON: `code` and `msg`, and `http_status` where one was answered."""

MAX_ATTEMPTS = 6
PRIORITY = 100


class Status(StrEnum):
    """Where a job stands. `pending` and `retry` wait; `processing` is locked; the others are ends."""

    PENDING = "pending"
    PROCESSING = "processing"
    RETRY = "retry"
    SUCCEEDED = "succeeded"
    FAILED_PERMANENT = "failed_permanent"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in {Status.SUCCEEDED, Status.FAILED_PERMANENT, Status.CANCELLED}


@dataclass(frozen=True, slots=True)
class NewJob:
    """Work to be done. A lower `priority` goes first; of equal ones, what became available first.

    `delay_seconds`: not before then. `dedupe_key`: while an unfinished job of the queue has it, no second one is made.
    """

    job_type: str
    payload: Mapping[str, object]
    priority: int = PRIORITY
    delay_seconds: float = 0.0
    max_attempts: int = MAX_ATTEMPTS
    dedupe_key: str | None = None


@dataclass(frozen=True, slots=True)
class EnqueuedJob:
    """`created` is False where an unfinished job with the same dedupe key was there before; `job_id` is then its id."""

    job_id: int
    created: bool


@dataclass(frozen=True, slots=True)
class Job:
    """A job that is locked for us until `locked_until`. `attempts`: its failed runs so far.

    `lock_no` names this lock: whoever takes the job over gets another one, and ours then finishes nothing.
    """

    job_id: int
    job_type: str
    payload: Mapping[str, object]
    priority: int
    attempts: int
    max_attempts: int
    locked_by: str
    locked_until: datetime
    lock_no: int

    @property
    def last_attempt(self) -> bool:
        """Whether a failure of this run is the job's end."""
        return self.attempts + 1 >= self.max_attempts


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The job is done."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The run failed; the next one is after `backoff_seconds`. On the last attempt the job fails permanently.

    `counts` is False for a run that was told to wait (a limit, an outage of the other side): it is no attempt.
    """

    error: JobError
    backoff_seconds: float
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """The run failed, and no other one can do better."""

    error: JobError


@dataclass(frozen=True, slots=True)
class Released:
    """The run was broken off (a worker that stops): it counts as no attempt, and another worker may begin at once."""


Outcome = Succeeded | Retry | Failed | Released


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of one run."""

    job: Job
    outcome: Outcome = field(default_factory=Succeeded)


class RetryJob(Exception):
    """Raised by a handler: this run failed, a later one may succeed. `after_seconds` instead of the usual backoff.

    `counts` False: nothing could be tried, so that it is no attempt.
    """

    def __init__(self, error: JobError, after_seconds: float | None = None, *, counts: bool = True) -> None:
        super().__init__(str(dict(error)))
        self.error = error
        self.after_seconds = after_seconds
        self.counts = counts


class JobFailed(Exception):
    """Raised by a handler: this job can never succeed."""

    def __init__(self, error: JobError) -> None:
        super().__init__(str(dict(error)))
        self.error = error
