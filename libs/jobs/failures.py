"""The log lines of runs that failed, whoever writes their end down: the worker, or a handler with its results."""

from libs.jobs.job import Failed, Job, Retry
from libs.telemetry.log import get_logger

log = get_logger()


def tell_failure(job: Job, outcome: Retry | Failed) -> None:
    """Say what failed, why, and whether and when it is tried again."""
    if isinstance(outcome, Failed):
        log.warning("job failed permanently", job_id=job.job_id, job_type=job.job_type, error=dict(outcome.error))
        return
    log.warning(
        "job failed",
        job_id=job.job_id,
        job_type=job.job_type,
        attempts=job.attempts + outcome.counts,
        max_attempts=job.max_attempts,
        seconds=None if outcome.counts and job.last_attempt else round(outcome.backoff_seconds, 1),
        error=dict(outcome.error),
    )
