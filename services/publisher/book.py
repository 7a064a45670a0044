"""The publish job's steps in the catalog, each one command by the catalog's own rules.

| step       | in one transaction                                                                                      |
|------------|---------------------------------------------------------------------------------------------------------|
| `open_job` | an approved draft has a publish job; if that had failed before the approval, it is to be retried        |
| `begin`    | queued or retrying → processing, one attempt more. What is processing already was begun by somebody who |
|            | died: it goes on as the same attempt                                                                    |
| `record`   | the sell listing is there; told each time, for the interlock: what was off may be on sale again         |
| `link`     | and the product match of it and its product, which is certain                                           |
| `complete` | the draft is published, the job completed                                                               |
| `fail`     | the job has failed; for good: the draft goes back to its authors, with the error                        |
| `retry`    | failed → retrying                                                                                       |

Each other finds done what was done, so that a run may come again after a crash at any place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from libs.commands.command import Command, Work
from libs.commands.run import Commands
from libs.entities.change import CREATE, UPDATE, Change
from libs.entities.deciding import decide
from libs.entities.finding import rows
from libs.entities.sequences import Sequences
from libs.read_models.entities import EntityRow, read_model
from schemas.entity import Entity
from schemas.envelope import Envelope
from schemas.listing_drafts.listing_draft_changed import ENTITY as DRAFT
from schemas.listing_drafts.listing_draft_changed import DraftStatus
from schemas.product_matches.product_match_changed import ENTITY as MATCH
from schemas.product_matches.product_match_changed import MatchedEntity
from schemas.publish_jobs.publish_job_changed import ENTITY as JOB
from schemas.publish_jobs.publish_job_changed import PublishStatus
from schemas.sell_listings.sell_listing_changed import ENTITY as LISTING

PUBLISHED = "published"
"""`matchMethod` of a listing that was made from a draft of the product."""

_LONGEST_ERROR = 2_000
_BEGUN = frozenset({PublishStatus.PROCESSING, PublishStatus.FAILED, PublishStatus.RETRYING})
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt. `draft`: its row, with its own columns (listing_draft_id, payload_json, …)."""

    publish_job_id: int
    attempts: int
    draft: Any


class Over(Exception):
    """There is nothing (more) to publish; the text says why."""


class Cancelled(Over):
    """Its job was deleted after it had begun: what the marketplace may still work on has to be withdrawn."""

    def __init__(self, draft: Any) -> None:
        super().__init__("the publish job was deleted after it had begun")
        self.draft = draft


@dataclass(frozen=True)
class Book:
    """The steps."""

    commands: Commands
    sequences: Sequences
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    async def open_job(self, draft_id: int, cause: Envelope) -> None:
        """A draft that is approved has a publish job that is to be done."""

        async def work(command: Command) -> None:
            draft = await self._row(command, DRAFT, draft_id)
            if draft is None or draft.status != DraftStatus.APPROVED:
                return
            await command.whole(read_model(JOB))
            known = await rows(command.connection, JOB, draft_id=draft_id)
            if not known:
                fields = {"draft_id": draft_id, "status": PublishStatus.QUEUED}
                await self._decide(command, JOB, Change(CREATE, fields=fields))
            elif known[0].status == PublishStatus.FAILED and draft.updated_at > known[0].updated_at:
                again = {"status": PublishStatus.RETRYING, "attempts": 0, "next_retry_at": None, "last_error": None}
                await self._decide(command, JOB, Change(UPDATE, known[0].publish_job_id, again))

        await self._run(work, cause)

    async def begin(self, job_id: int) -> Begun:
        """Begin an attempt, or go on with one. Raises Over."""
        while True:
            begun = await self._run(partial(self._begin, job_id))
            if begun is not None:
                return begun

    async def _begin(self, job_id: int, command: Command) -> Begun | None:
        """None: the job had failed and is to be retried now, which is a step of its own."""
        await self._lock(command, DRAFT, JOB)
        job = await self._row(command, JOB, job_id)
        if job is None:
            raise await self._deleted(command, job_id)
        draft = await self._row(command, DRAFT, job.draft_id)
        if job.status == PublishStatus.COMPLETED:
            raise Over("the publish job is completed")
        if draft is None:
            raise Over("the draft was deleted")
        if job.status == PublishStatus.FAILED:
            if draft.status != DraftStatus.APPROVED:
                raise Over("the publish job has failed for good")
            await self._decide(command, JOB, Change(UPDATE, job_id, {"status": PublishStatus.RETRYING}))
            return None
        if job.status == PublishStatus.PROCESSING:
            return Begun(job_id, job.attempts, draft)
        attempts: int = job.attempts + 1
        fields = {"status": PublishStatus.PROCESSING, "attempts": attempts, "next_retry_at": None}
        await self._decide(command, JOB, Change(UPDATE, job_id, fields))
        return Begun(job_id, attempts, draft)

    async def _deleted(self, command: Command, job_id: int) -> Over:
        """What is over with a job that somebody deleted; another job of its draft goes on with what there is."""
        job: Any = await command.row(read_model(JOB), str(job_id))
        if job is not None and job.status in _BEGUN and not await rows(command.connection, JOB, draft_id=job.draft_id):
            draft: Any = await command.row(read_model(DRAFT), str(job.draft_id))
            if draft is not None and draft.status != DraftStatus.PUBLISHED:
                return Cancelled(draft)
        return Over("the publish job was deleted")

    async def draft_status(self, draft_id: int) -> DraftStatus | None:
        """Where a draft is now; None: it was deleted."""

        async def look(command: Command) -> DraftStatus | None:
            draft = await self._row(command, DRAFT, draft_id)
            return None if draft is None else DraftStatus(draft.status)

        return await self._run(look)

    async def record(self, listing: Mapping[str, Any]) -> int:
        """A live listing; the sell listing's number. `listing`: its fields by their names in facts."""
        place = {name: listing[name] for name in ("channel", "market", "channel_item_id")}

        async def work(command: Command) -> int:
            await command.whole(read_model(LISTING))
            known = await rows(command.connection, LISTING, **place)
            if not known:
                return await self._decide(command, LISTING, Change(CREATE, fields=listing))
            return await self._decide(command, LISTING, Change(UPDATE, known[0].sell_listing_id, listing))

        return await self._run(work)

    async def complete(self, begun: Begun) -> None:
        """The draft is published, and its job done."""
        draft_id, job_id = begun.draft.listing_draft_id, begun.publish_job_id

        async def work(command: Command) -> None:
            await self._lock(command, DRAFT, JOB)
            draft, job = await self._row(command, DRAFT, draft_id), await self._row(command, JOB, job_id)
            if draft is not None and draft.status == DraftStatus.APPROVED:
                fields = {"status": DraftStatus.PUBLISHED, "error_message": None}
                await self._decide(command, DRAFT, Change(UPDATE, draft_id, fields))
            if job is not None and job.status == PublishStatus.PROCESSING:
                done = {"status": PublishStatus.COMPLETED, "next_retry_at": None, "last_error": None}
                await self._decide(command, JOB, Change(UPDATE, job_id, done))

        await self._run(work)

    async def link(self, product_id: int, listing_id: int) -> None:
        """The match of a published listing and its product."""
        fields: dict[str, Any] = {
            "unified_product_id": product_id,
            "entity_type": MatchedEntity.SELL,
            "entity_id": listing_id,
        }

        async def work(command: Command) -> None:
            await command.whole(read_model(MATCH))
            if not await rows(command.connection, MATCH, **fields):
                certain = {**fields, "confidence": Decimal("1.0000"), "match_method": PUBLISHED}
                await self._decide(command, MATCH, Change(CREATE, fields=certain))

        await self._run(work)

    async def fail(self, begun: Begun, error: str, *, for_good: bool) -> None:
        """The attempt has failed."""
        draft_id, job_id, told = begun.draft.listing_draft_id, begun.publish_job_id, error[:_LONGEST_ERROR]

        async def work(command: Command) -> None:
            await self._lock(command, DRAFT, JOB)
            draft, job = await self._row(command, DRAFT, draft_id), await self._row(command, JOB, job_id)
            if for_good and draft is not None and draft.status == DraftStatus.APPROVED:
                back = {"status": DraftStatus.DRAFT, "error_message": told}
                await self._decide(command, DRAFT, Change(UPDATE, draft_id, back))
            if job is not None and job.status == PublishStatus.PROCESSING:
                failed = {"status": PublishStatus.FAILED, "last_error": told}
                await self._decide(command, JOB, Change(UPDATE, job_id, failed))

        await self._run(work)

    async def retry(self, begun: Begun, at: datetime) -> None:
        """A job that has failed, but not for good, is to be done again at a time."""

        async def work(command: Command) -> None:
            job = await self._row(command, JOB, begun.publish_job_id)
            if job is not None and job.status == PublishStatus.FAILED:
                fields = {"status": PublishStatus.RETRYING, "next_retry_at": at}
                await self._decide(command, JOB, Change(UPDATE, begun.publish_job_id, fields))

        await self._run(work)

    async def _lock(self, command: Command, *entities: Entity) -> None:
        """Read models as wholes, in the order of their names."""
        for model in sorted(map(read_model, entities), key=lambda model: model.name):
            await command.whole(model)

    async def _row(self, command: Command, entity: Entity, number: int) -> Any:
        row: EntityRow | None = await command.row(read_model(entity), str(number))
        return None if row is None or row.deleted else row

    async def _decide(self, command: Command, entity: Entity, change: Change) -> int:
        (value,) = await decide(command, entity, [change], await self.sequences.of(entity), self.now())
        return int(value)

    async def _run(self, work: Work[T], cause: Envelope | None = None) -> T:
        for entity in (DRAFT, JOB, LISTING, MATCH):
            await self.sequences.of(entity)  # made outside of the command's transaction
        return await self.commands.run(work, cause=cause)
