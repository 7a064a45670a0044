"""claims: one row per claim of a buyer."""

from datetime import datetime

from libs.projection.model import Position, ReadModel
from libs.read_models.history import EntityRow, history, is_news
from schemas.claims.claim_changed import ClaimChangedV1


class ClaimRow(EntityRow, frozen=True, kw_only=True):
    claim_id: str
    about: str | None
    about_id: str | None
    order_id: str | None
    buyer_id: str | None
    kind: str | None
    stage: str | None
    reason_id: str | None
    seller_actions: list[str]
    due_at: datetime | None
    resolution: str | None
    benefited: list[str]
    closed_by: str | None
    decided_at: datetime | None
    opened_at: datetime


def evolve(row: ClaimRow | None, fact: ClaimChangedV1, position: Position) -> ClaimRow | None:
    """The row after a fact: the fact's own state, if it is news."""
    if not is_news(row, fact, position):
        return row
    return ClaimRow(
        key=fact.key(),
        marketplace=fact.marketplace,
        account=fact.account,
        status=str(fact.status),
        marketplace_status=fact.marketplace_status,
        status_history=history(row, fact, position),
        claim_id=fact.claim_id,
        about=fact.about,
        about_id=fact.about_id,
        order_id=fact.order_id,
        buyer_id=fact.buyer_id,
        kind=fact.kind,
        stage=fact.stage,
        reason_id=fact.reason_id,
        seller_actions=list(fact.seller_actions),
        due_at=fact.due_at,
        resolution=None if fact.resolution is None else fact.resolution.reason,
        benefited=[] if fact.resolution is None else list(fact.resolution.benefited),
        closed_by=None if fact.resolution is None else fact.resolution.closed_by,
        decided_at=None if fact.resolution is None else fact.resolution.decided_at,
        opened_at=fact.opened_at,
        updated_at=fact.updated_at,
        event_id=position.event_id,
        correlation_id=position.correlation_id,
        log_topic=position.topic,
        log_partition=position.partition,
        log_offset=position.offset,
    )


READ_MODEL = ReadModel("claims", version=1, fact=ClaimChangedV1, row=ClaimRow, evolve=evolve)
