"""Precision and recall per band, on pairs that the calibration was not fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.matching.fitting import Matrix, out_of_fold
from bench.matching.labelled import Pair, Title
from libs.matching.confidence import Band, Decision, as_confidence, band, decision


@dataclass(frozen=True, slots=True)
class Row:
    """Some of the pairs: how many, how many of them are one product, and the confidence they were given on average."""

    name: str
    pairs: int
    same: int
    confidence: float
    recall: float
    """The share of all pairs of one product that is found here."""

    @property
    def precision(self) -> float:
        return self.same / self.pairs if self.pairs else float("nan")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is printed."""

    bands: list[Row]
    linked: Row
    wrong_by_itself: list[tuple[Pair, float]]
    calibration_error: float
    """Expected calibration error over ten equal bins, weighted by pairs."""
    cosine_alone: Row
    """The same recall by the embedding's cosine alone, for comparison: what precision that threshold has."""


def evaluate(titles: Sequence[Title], pairs: Sequence[Pair], rows: Matrix, same: Matrix) -> Evaluation:
    """Judge every pair by a calibration that has seen neither of its families."""
    chances = out_of_fold(titles, pairs, rows, same)
    given = [as_confidence(float(chance)) for chance in chances]
    bands = np.array([band(each) for each in given])
    linked = np.array([decision(each) is Decision.LINK for each in given])
    cosines = rows[:, 0]
    least = np.sort(cosines[same == 1])[::-1][max(0, int((linked & (same == 1)).sum()) - 1)]
    return Evaluation(
        bands=[_row(str(each), bands == each, same, chances) for each in Band],
        linked=_row("above 0.8", linked, same, chances),
        wrong_by_itself=[(pairs[at], float(chances[at])) for at in np.flatnonzero(linked & (same == 0)).tolist()],
        calibration_error=_calibration_error(chances, same),
        cosine_alone=_row(f"cosine from {least:.2f}", cosines >= least, same, cosines),
    )


def _row(name: str, chosen: Matrix, same: Matrix, chances: Matrix) -> Row:
    found, count = int(same[chosen].sum()), int(chosen.sum())
    mean = float(chances[chosen].mean()) if count else float("nan")
    return Row(name, count, found, mean, found / float(same.sum()))


def _calibration_error(chances: Matrix, same: Matrix) -> float:
    bins = np.minimum((chances * 10).astype(int), 9)
    gaps = [abs(chances[bins == each].sum() - same[bins == each].sum()) for each in range(10)]
    return float(sum(gaps) / len(chances))
