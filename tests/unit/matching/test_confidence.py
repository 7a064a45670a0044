"""Bands and decisions exactly at their limits, and a calibration that fits its code."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.matching.confidence import Band, Calibration, Decision, as_confidence, band, decision, from_json, shipped
from libs.matching.features import NAMES


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [("1", "high"), ("0.95", "high"), ("0.9499", "good"), ("0.8", "good"), ("0.7999", "moderate"), ("0.6", "moderate"),
     ("0.5999", "low"), ("0", "low")],
)  # fmt: skip
def test_the_documents_bands(confidence: str, expected: str) -> None:
    assert band(Decimal(confidence)) is Band(expected)


def test_only_above_four_fifths_is_linked_by_itself() -> None:
    assert decision(Decimal("0.8001")) is Decision.LINK
    assert decision(Decimal("0.8")) is Decision.REVIEW
    with pytest.raises(ValueError, match="from 0 to 1"):
        band(Decimal("1.01"))


@settings(deadline=None)
@given(st.floats(-5, 5))
def test_a_confidence_has_four_decimals_and_lies_from_zero_to_one(chance: float) -> None:
    found = as_confidence(chance)
    assert 0 <= found <= 1
    assert found.as_tuple().exponent == -4


def test_the_shipped_calibration_reads_conflicts_as_doubt_and_agreement_as_trust() -> None:
    weights = dict(zip(NAMES, shipped().weights, strict=True))
    assert all(weight < 0 for name, weight in weights.items() if name.endswith(("differs", "differ")))
    assert all(weights[name] > 0 for name in ("cosine", "token_set", "code_same", "measure_same"))
    assert from_json(shipped().to_json()) == shipped()
    assert shipped().chance(np.zeros(len(NAMES))) < 0.01


def test_a_calibration_of_other_features_is_refused() -> None:
    with pytest.raises(ValueError, match="--fit"):
        from_json('{"intercept": 0, "weights": {"cosine": 1}}')
    with pytest.raises(ValueError, match="weights"):
        Calibration(0, (1.0,))
