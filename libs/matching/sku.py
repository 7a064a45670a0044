"""Style codes and SKUs: written with and without separators, sometimes with a slip.

Source: "Intelligent SKU Matching" of the StockX product search document: HQ4276 is HQ-4276, the most similar candidate
is taken, and only above 0.8. Its ratio (2 * matching characters / all) is rapidfuzz's normalised Indel similarity.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import Indel

LEAST = 0.8
"""Candidates must be more similar than this."""
SHORTEST = 4
"""Below it a code says too little to be matched: `S24` is in too many things."""
_LOOKALIKES = str.maketrans("OQIL", "0011")


def normalised(code: str) -> str:
    """Capital letters and digits alone: `hq-4276`, `HQ 4276` and `HQ4276` are one."""
    return "".join(character for character in unicodedata.normalize("NFKC", code).upper() if character.isalnum())


def similarity(one: str, other: str) -> float:
    """0 to 1; 1 is the same code but for separators and case. Symmetric."""
    first, second = normalised(one), normalised(other)
    return Indel.normalized_similarity(first, second) if first and second else 0.0


def same_but_for_lookalikes(one: str, other: str) -> bool:
    """True if the codes differ at most in O and 0, I, L and 1: a slip of the eye, not another product."""
    return normalised(one).translate(_LOOKALIKES) == normalised(other).translate(_LOOKALIKES)


@dataclass(frozen=True, slots=True)
class SkuMatch:
    """The candidate that was found. Similar codes are often neighbours in a range: DD1391-100 and DD1391-101 are two
    colourways at 0.89. Only `exact` and `lookalike` say that it is the same product."""

    code: str
    similarity: float
    exact: bool
    lookalike: bool


def resembles(query: str, codes: Iterable[str]) -> bool:
    """Whether `best` would find one. `codes` are normalised already: a hundred thousand take some milliseconds."""
    asked = normalised(query)
    if len(asked) < SHORTEST:
        return False
    found = process.extractOne(asked, codes, scorer=Indel.normalized_similarity, score_cutoff=LEAST)
    return found is not None and found[1] > LEAST


def best(query: str, candidates: Iterable[str]) -> SkuMatch | None:
    """The most similar candidate above 0.8 (of equals the first in the alphabet); None if there is none."""
    if len(normalised(query)) < SHORTEST:
        return None
    scored = sorted((-similarity(query, candidate), candidate) for candidate in set(candidates))
    if not scored or -scored[0][0] <= LEAST:
        return None
    score, code = -scored[0][0], scored[0][1]
    return SkuMatch(
        code, score, exact=normalised(query) == normalised(code), lookalike=same_but_for_lookalikes(query, code)
    )
