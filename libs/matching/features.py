"""How alike two titles are, as numbers: what the confidence is computed from."""

from collections.abc import Set as AbstractSet
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz

from libs.matching.title import TitleFacts

NAMES: Final = (
    "cosine",
    "token_set",
    "words_shared",
    "code_same",
    "code_differs",
    "measure_same",
    "measure_differs",
    "colour_same",
    "colour_differs",
    "variants_differ",
    "part_differs",
    "designation_same",
    "designation_differs",
    "number_same",
    "numbers_differ",
)
"""The features, in order. `…_same` and `…_differs` are 0 where one title says nothing of it: silence is no conflict."""
Features = NDArray[np.float64]


def features(one: TitleFacts, other: TitleFacts, cosine: float) -> Features:
    """One row for a pair; symmetric. `cosine` is that of the titles' embeddings."""
    values = {
        "cosine": cosine,
        "token_set": fuzz.token_set_ratio(" ".join(sorted(one.words)), " ".join(sorted(other.words))) / 100,
        "words_shared": _jaccard(one.words, other.words),
        "code_same": float(_codes_agree(one.codes, other.codes)),
        "code_differs": float(bool(one.codes and other.codes) and not _codes_agree(one.codes, other.codes)),
        **_measures(one, other),
        "colour_same": _same(one.colours, other.colours),
        "colour_differs": _differs(one.colours, other.colours),
        "variants_differ": float(len(one.variants ^ other.variants)),
        "part_differs": float(one.parts != other.parts),
        "designation_same": _same(one.designations, other.designations),
        "designation_differs": _differs(one.designations, other.designations),
        "number_same": _same(one.numbers, other.numbers),
        "numbers_differ": _differs(one.numbers, other.numbers),
    }
    return np.array([values[name] for name in NAMES])


def _codes_agree(one: AbstractSet[str], other: AbstractSet[str]) -> bool:
    """Codes agree if one begins or ends with the other: WH1000XM5 and WH1000XM5S."""
    return any(
        a == b or (min(len(a), len(b)) >= 5 and (a.startswith(b) or b.startswith(a) or a.endswith(b) or b.endswith(a)))
        for a in one
        for b in other
    )


def _measures(one: TitleFacts, other: TitleFacts) -> dict[str, float]:
    shared = one.measures.keys() & other.measures.keys()
    return {
        "measure_same": float(any(_same(one.measures[each], other.measures[each]) for each in shared)),
        "measure_differs": float(sum(_differs(one.measures[each], other.measures[each]) for each in shared)),
    }


def _jaccard(one: AbstractSet[str], other: AbstractSet[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 0.0


def _same(one: AbstractSet[str], other: AbstractSet[str]) -> float:
    return float(bool(one & other))


def _differs(one: AbstractSet[str], other: AbstractSet[str]) -> float:
    """Each says something that the other does not: white and green beside white and grey."""
    return float(bool(one - other) and bool(other - one))
