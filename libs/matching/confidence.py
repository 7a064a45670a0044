"""Confidence: the chance that two titles are one product, in the document's bands, and what is done with it.

The chance comes from a logistic regression over `features`, fitted on labelled titles (`bench/matching`); its
coefficients stand in `calibration.json`. It holds for candidates as that set has them: near neighbours, about one in
eleven of which is the same product.

Source: POST /productMatches of the marketplace modules' document, "Match Confidence Guidelines"; best practice 2.
"""

import json
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np

from libs.matching.features import NAMES, Features

_FILE = Path(__file__).with_name("calibration.json")
_STEP = Decimal("0.0001")
LINKED_ABOVE = Decimal("0.8")


class Band(StrEnum):
    """The document's bands, without the gaps between their two-decimal limits."""

    HIGH = "high"
    """From 0.95."""
    GOOD = "good"
    """From 0.80."""
    MODERATE = "moderate"
    """From 0.60: verify manually."""
    LOW = "low"
    """Below 0.60: requires review."""


_LIMITS = ((Decimal("0.95"), Band.HIGH), (Decimal("0.80"), Band.GOOD), (Decimal("0.60"), Band.MODERATE))


def band(confidence: Decimal) -> Band:
    """The band of a confidence; raise ValueError outside 0 to 1."""
    if not 0 <= confidence <= 1:
        raise ValueError(f"A confidence lies from 0 to 1; this one is {confidence}.")
    return next((name for least, name in _LIMITS if confidence >= least), Band.LOW)


class Decision(StrEnum):
    LINK = "link"
    """Linked by itself: the confidence is above 0.8."""
    REVIEW = "review"
    """Queued for a person."""


def decision(confidence: Decimal) -> Decision:
    """What is done with a match of this confidence."""
    return Decision.LINK if confidence > LINKED_ABOVE else Decision.REVIEW


def as_confidence(chance: float) -> Decimal:
    """A chance with the four decimals of the document's `confidence`."""
    return Decimal(str(min(max(chance, 0.0), 1.0))).quantize(_STEP, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted regression: an intercept and one weight a feature, in the order of `features.NAMES`."""

    intercept: float
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.weights) != len(NAMES):
            raise ValueError(
                f"There are {len(NAMES)} features and {len(self.weights)} weights: fit the calibration anew."
            )

    def chance(self, pair: Features) -> float:
        """The chance that the pair is one product, 0 to 1."""
        return float(1 / (1 + np.exp(-(self.intercept + pair @ np.array(self.weights)))))

    def to_json(self) -> str:
        named = dict(zip(NAMES, (round(weight, 6) for weight in self.weights), strict=True))
        return json.dumps({"intercept": round(self.intercept, 6), "weights": named}, indent=2) + "\n"


def from_json(text: str) -> Calibration:
    """A calibration as `to_json` wrote it; raise ValueError where its features are not those of the code."""
    document = json.loads(text)
    if tuple(document["weights"]) != NAMES:
        raise ValueError("The calibration was fitted on other features: run python -m bench.matching --fit.")
    return Calibration(document["intercept"], tuple(document["weights"].values()))


@cache
def shipped() -> Calibration:
    """The calibration in this package."""
    return from_json(_FILE.read_text(encoding="utf-8"))
