"""publish_job.changed: the publishing of a draft at its marketplace."""

from enum import StrEnum

from pydantic import Field

from schemas.entity import NOT_NEGATIVE, Entity, EntityFact, Reference, Workflow
from schemas.values import UtcTime


class PublishStatus(StrEnum):
    """How far a publishing is."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    RETRYING = "retrying"


class PublishJobChangedV1(EntityFact):
    """A publishing was queued, went a step on, or was cancelled; this is all of it.

    Trigger: POST /publishJobs. Key: `{publish_job_id}`.
    """

    publish_job_id: int
    draft_id: int = Field(description="Linked listing draft ID")
    status: PublishStatus = Field(description='"queued", "processing", "completed", "failed", "retrying"')
    attempts: int = Field(default=0, description="Number of publish attempts")
    next_retry_at: UtcTime | None = Field(default=None, description="Next retry timestamp")
    last_error: str | None = Field(default=None, description="Last error message")

    def key(self) -> str:
        return str(self.publish_job_id)


ENTITY = Entity(
    "publishJobs",
    noun="publish_job",
    topic="publish_jobs",
    fact=PublishJobChangedV1,
    producers=("catalog", "publisher"),
    consumers=("projector", "publisher"),
    summary="Publishing of drafts: queued, tried, tried again",
    unique=(("draft_id",),),
    references=(Reference("draft_id", "listingDrafts"),),
    workflow=Workflow(
        "status",
        starts=("queued",),
        steps={
            "queued": ("processing",),
            "processing": ("completed", "failed"),
            "failed": ("retrying",),
            "retrying": ("processing",),
            "completed": (),
        },
    ),
    bounds={"attempts": NOT_NEGATIVE},
    example={
        "draftId": 1,
        "status": "queued",
        "attempts": 0,
        "nextRetryAt": None,
        "lastError": None,
        "action": "1",
    },
)
EVENT = ENTITY.event
