"""What the gateway decides about a delivery, and how a refusal or an absence becomes one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil
from typing import Any

from libs.marketplaces.contract import CannotVerify, Contract, Refused
from schemas.deliveries.delivery_decided import Decision


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision and its answer. `reason` is a short fixed code, None when the delivery is taken in."""

    decision: Decision
    status: int
    reason: str | None = None
    detail: str = ""
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def taken(contract: Contract, decision: Decision) -> Verdict:
    """The verdict of a delivery that is durable: the marketplace's own success."""
    return Verdict(decision, contract.answer.status, body=contract.answer.body)


def refusal(refused: Refused) -> Verdict:
    """The verdict that a refusal stands for; a proof that cannot be checked now is an absence of ours."""
    if isinstance(refused, CannotVerify):
        return absence(refused.reason, refused.detail, refused.retry_after)
    return Verdict(Decision.REFUSED, refused.status, refused.reason, refused.detail)


def absence(reason: str, detail: str, retry_after: timedelta) -> Verdict:
    """503: the marketplace shall come again."""
    seconds = max(1, ceil(retry_after.total_seconds()))
    return Verdict(Decision.UNAVAILABLE, 503, reason, detail, headers={"Retry-After": str(seconds)})


DEFECT = Verdict(Decision.UNAVAILABLE, 500, "defect", "An error of ours; our log tells more under the request id.")
"""The log holds the traceback, and the marketplace comes again."""
