"""A job queue on PostgreSQL: work to be done later, once, in the order of its priority, by whichever worker is free.

    queue = JobQueue(database, "mercadolibre")
    await queue.enqueue(NewJob("enrich", {"item_id": "MLM1"}, priority=50, dedupe_key="enrich:MLM1"))
    await Worker(queue, {"enrich": enrich}, WorkerSettings()).run(stop)

`libs/jobs/README.md` says what it promises and what it costs.
"""

from libs.jobs.job import (
    EnqueuedJob,
    Failed,
    Finish,
    Job,
    JobError,
    JobFailed,
    NewJob,
    Released,
    Retry,
    RetryJob,
    Status,
    Succeeded,
)
from libs.jobs.json_text import Unstorable
from libs.jobs.queue import JobQueue, LockLost
from libs.jobs.settings import WorkerSettings
from libs.jobs.update import JobEnded, JobUnknown, Update, update_in
from libs.jobs.worker import SETTLED, Handler, Settled, Worker

__all__ = [
    "SETTLED",
    "EnqueuedJob",
    "Failed",
    "Finish",
    "Handler",
    "Job",
    "JobEnded",
    "JobError",
    "JobFailed",
    "JobQueue",
    "JobUnknown",
    "LockLost",
    "NewJob",
    "Released",
    "Retry",
    "RetryJob",
    "Settled",
    "Status",
    "Succeeded",
    "Unstorable",
    "Update",
    "Worker",
    "WorkerSettings",
    "update_in",
]
