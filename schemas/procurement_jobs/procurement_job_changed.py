"""procurement_job.changed: the purchase of what an order needs."""

from enum import StrEnum

from pydantic import Field

from schemas.entity import NOT_NEGATIVE, Entity, EntityFact, Reference, Workflow
from schemas.values import DecimalString


class ProcurementDecision(StrEnum):
    """How far a purchase is."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    ORDERED = "ordered"
    RECEIVED = "received"


class ProcurementJobChangedV1(EntityFact):
    """A purchase was proposed, decided, went a step on, or was deleted; this is all of it.

    Trigger: POST /procurementJobs. Key: `{procurement_job_id}`.
    """

    procurement_job_id: int
    marketplace_order_id: int = Field(description="Linked order ID")
    supplier_candidate: str = Field(description="Supplier/retailer name")
    max_buy_cost_usd: DecimalString = Field(description="Maximum purchase cost budget")
    decision: ProcurementDecision = Field(description='"approved", "rejected", "pending"; an empty text is "pending"')
    reason: str = Field(description="Decision rationale")

    def key(self) -> str:
        return str(self.procurement_job_id)


ENTITY = Entity(
    "procurementJobs",
    noun="procurement_job",
    topic="procurement_jobs",
    fact=ProcurementJobChangedV1,
    producers=("catalog", "order_desk"),
    consumers=("projector", "order_desk"),
    summary="Purchases that fulfil orders",
    unique=(("marketplace_order_id", "supplier_candidate"),),
    references=(Reference("marketplace_order_id", "marketplaceOrders"),),
    workflow=Workflow(
        "decision",
        starts=("pending", "approved", "rejected"),
        steps={
            "pending": ("approved", "rejected"),
            "approved": ("ordered", "rejected"),
            "rejected": ("pending",),
            "ordered": ("received",),
            "received": (),
        },
    ),
    bounds={"max_buy_cost_usd": NOT_NEGATIVE},
    empty_means={"decision": "pending"},
    example={
        "marketplaceOrderId": 1,
        "supplierCandidate": "Walmart",
        "maxBuyCostUsd": 650.00,
        "decision": "",
        "reason": "Best price found within SLA",
        "action": "1",
    },
)
EVENT = ENTITY.event
