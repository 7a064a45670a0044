"""claims: one row per claim of a buyer."""

from datetime import datetime

from libs.projection.model import ReadModel
from libs.read_models.history import EntityColumns, EntityRow, OfLatest
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


def claim_row(fact: ClaimChangedV1, columns: EntityColumns) -> ClaimRow:
    """The fact's own state."""
    return ClaimRow(
        *columns,
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
    )


READ_MODEL = ReadModel("claims", version=1, fact=ClaimChangedV1, row=ClaimRow, evolve=OfLatest(claim_row))
