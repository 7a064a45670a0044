"""The labelled titles, and the pairs made from them."""

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from libs.matching.embedding import Vectors

_FILE = Path(__file__).with_name("titles.txt")
NEIGHBOURS = 3


@dataclass(frozen=True, slots=True)
class Title:
    """A title as a seller wrote it, with the product it means and the family it is easily mistaken in."""

    family: str
    product: str
    text: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two titles by their places, and whether they mean one product."""

    one: int
    other: int
    same: bool
    hard: bool
    """Of one family (another size, colour, generation, bundle, or an accessory)."""


def titles() -> list[Title]:
    """All titles, in the file's order."""
    family = product = ""
    found = []
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            family = line[3:]
        elif line.startswith("- "):
            product = f"{family}/{line[2:]}"
        elif line and not line.startswith("#"):
            found.append(Title(family, product, line))
    return found


def pairs(all_titles: list[Title], vectors: Vectors) -> list[Pair]:
    """Every pair of a family, and of each title the nearest three of other families: what an index brings up."""
    found = {
        (one, other): Pair(one, other, all_titles[one].product == all_titles[other].product, hard=True)
        for one, other in combinations(range(len(all_titles)), 2)
        if all_titles[one].family == all_titles[other].family
    }
    near = vectors @ vectors.T
    families = np.array([title.family for title in all_titles])
    for one, title in enumerate(all_titles):
        elsewhere = np.where(families == title.family, -2, near[one])
        for other in np.argsort(-elsewhere, kind="stable")[:NEIGHBOURS].tolist():
            key = (min(one, other), max(one, other))
            found[key] = Pair(*key, same=False, hard=False)
    return list(found.values())
