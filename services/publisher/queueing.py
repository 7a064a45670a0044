"""What facts lead to: an approved draft gets its publish job, a queued publish job a place in the work queue.

| fact                                      | then                                                                     |
|-------------------------------------------|--------------------------------------------------------------------------|
| a draft is approved                       | its publish job is made; one that had failed for good begins anew        |
| a publish job is queued, or to be retried | a job in the queue `publishing`, unless there is an unfinished one of it |
| anything else                             | nothing                                                                  |
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from libs.bus.message import Outgoing, Received
from libs.bus.outcome import ErrorClass, Ignore, Retry, Wait
from libs.bus.publisher import NotPublished
from libs.bus.reader import KafkaAway
from libs.commands.errors import FactRefused, ReadModelBehind
from libs.commands.unified import NotPossible
from libs.db.errors import DatabaseAway, NotMigrated
from libs.jobs import JobQueue, NewJob
from libs.projection.live_build import OtherVersion
from schemas.listing_drafts.listing_draft_changed import ENTITY as DRAFT
from schemas.listing_drafts.listing_draft_changed import DraftStatus, ListingDraftChangedV1
from schemas.publish_jobs.publish_job_changed import ENTITY as JOB
from schemas.publish_jobs.publish_job_changed import PublishJobChangedV1, PublishStatus
from services.publisher.book import Book

TOPICS = (DRAFT.topic, JOB.topic)
QUEUE = "publishing"
PUBLISH = "publish"
MOST_RUNS = 500
"""Runs of one job, most of which only look whether the marketplace is done. Attempts are counted by the publish job."""

_WAIT = timedelta(seconds=2)
_DUE = frozenset({PublishStatus.QUEUED, PublishStatus.RETRYING})


async def on_facts(batch: Sequence[Received], book: Book, queue: JobQueue) -> list[Outgoing]:
    """Facts of one row, oldest first: the last tells what there is to do."""
    newest = batch[-1]
    try:
        match newest.fact:
            case ListingDraftChangedV1() as draft if not draft.deleted and draft.status is DraftStatus.APPROVED:
                await book.open_job(draft.listing_draft_id, newest.envelope)
            case PublishJobChangedV1() as job if not job.deleted and job.status in _DUE:
                await queue.enqueue(_new_job(job))
            case _:
                raise Ignore("nothing to publish")
    except (DatabaseAway, NotMigrated, KafkaAway, NotPublished, ReadModelBehind, OtherVersion) as error:
        raise Wait(f"nothing can be decided now: {type(error).__name__}: {error}", _WAIT) from error
    except (NotPossible, FactRefused) as error:
        raise Retry(f"the catalog refuses it: {error}", error_class=ErrorClass.POLICY) from error
    return []


def _new_job(job: PublishJobChangedV1) -> NewJob:
    now = datetime.now(UTC)
    wait = (job.next_retry_at - now).total_seconds() if job.next_retry_at is not None else 0.0
    return NewJob(
        PUBLISH,
        {"publish_job_id": job.publish_job_id},
        delay_seconds=max(0.0, wait),
        max_attempts=MOST_RUNS,
        dedupe_key=f"{PUBLISH}:{job.publish_job_id}",
    )
