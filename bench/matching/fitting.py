"""Fitting the calibration, and telling pairs that it was not fitted on."""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.matching.labelled import Pair, Title
from libs.matching.confidence import Calibration
from libs.matching.embedding import Vectors
from libs.matching.features import NAMES, features
from libs.matching.title import facts

Matrix = NDArray[np.float64]
FOLDS = 5
_PENALTY = 0.3
_STEPS = 50


def matrix(all_titles: Sequence[Title], vectors: Vectors, all_pairs: Sequence[Pair]) -> Matrix:
    """One row of features a pair."""
    known = [facts(title.text) for title in all_titles]
    return np.array(
        [
            features(known[each.one], known[each.other], float(vectors[each.one] @ vectors[each.other]))
            for each in all_pairs
        ]
    )


def fit(rows: Matrix, same: Matrix) -> Calibration:
    """Logistic regression with a small ridge, by Newton's method. The order of the rows does not matter."""
    design = np.hstack([np.ones((len(rows), 1)), rows])
    penalty = _PENALTY * np.diag([0.0, *[1.0] * len(NAMES)])
    weights = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (chance - same) + penalty @ weights
        curvature = design.T @ (design * (chance * (1 - chance))[:, None]) + penalty
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < 1e-9:
            break
    intercept, *rest = weights.tolist()
    return Calibration(intercept, tuple(rest))


def out_of_fold(all_titles: Sequence[Title], all_pairs: Sequence[Pair], rows: Matrix, same: Matrix) -> Matrix:
    """Each pair's chance by a calibration that has seen no pair of either of its families."""
    fold = [zlib.crc32(title.family.encode()) % FOLDS for title in all_titles]
    chances = np.zeros(len(all_pairs))
    sides = np.array([(fold[each.one], fold[each.other]) for each in all_pairs])
    for one in range(FOLDS):
        for other in range(one, FOLDS):
            asked = (sides.min(axis=1) == one) & (sides.max(axis=1) == other)
            if asked.any():
                unseen = ~np.isin(sides, (one, other)).any(axis=1)
                calibration = fit(rows[unseen], same[unseen])
                chances[asked] = [calibration.chance(row) for row in rows[asked]]
    return chances
