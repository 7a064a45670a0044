"""The one table from what can go wrong at MercadoLibre to the end of a job's run."""

from libs.http.errors import ApiError, Blocked, CircuitOpen, NotFound, RateLimited, Refused
from libs.jobs import Failed, Job, JobError, Retry
from libs.jobs.backoff import Backoff
from libs.marketplaces.mercadolibre.client import BLOCK_CODE, NotOurs, reason
from schemas.values import Json

NAMED_HEADERS = (BLOCK_CODE, "x-policy-agent-block-reason", "via", "x-cache", "x-amz-cf-pop")
"""Who answered, and why a request was refused."""

POLICY_AGENT = "PolicyAgent"


def error_json(error: ApiError) -> Json:
    """What a failed run keeps: `code`, `msg`, the HTTP status, and the headers that tell of a block."""
    told = error.body if isinstance(error.body, dict) else {}
    blocked = isinstance(error, Blocked) and (BLOCK_CODE in error.headers or told.get("blocked_by") == POLICY_AGENT)
    found = {
        "http_status": error.status,
        "code": POLICY_AGENT if blocked else type(error).__name__,
        "msg": f"blocked by WAF: {reason(error)}" if blocked else f"{error.operation}: {reason(error)}",
    }
    named = {name: error.headers[name][:200] for name in NAMED_HEADERS if name in error.headers}
    if blocked and BLOCK_CODE not in named and isinstance(code := told.get("code"), str):
        named[BLOCK_CODE] = code[:200]
    return found | named


def outcome_of(error: ApiError, job: Job, backoff: Backoff) -> Retry | Failed:
    """How a job's run ends.

    | error                    | meaning                              | end                                           |
    |--------------------------|--------------------------------------|-----------------------------------------------|
    | NotFound, Refused        | there is none, or it is no question  | failed for good                               |
    | NotOurs                  | shown to its seller alone            | failed for good                               |
    | Blocked                  | the firewall, or closed to everybody | again after the backoff; at last failed, with |
    |                          |                                      | the firewall's code                           |
    | RateLimited, CircuitOpen | not now                              | again when they say; that counts no attempt   |
    | Unauthorized and others  | it fails for now                     | again after the backoff                       |
    """
    told: JobError = error_json(error)
    if isinstance(error, NotFound | Refused | NotOurs):
        return Failed(told)
    wait = backoff.seconds(job.attempts + 1)
    if isinstance(error, RateLimited | CircuitOpen) and error.retry_after is not None:
        # Counted, a limit that lasts for hours would fail for good whatever waits behind it.
        return Retry(told, max(wait, error.retry_after.total_seconds()), counts=False)
    return Retry(told, wait)
