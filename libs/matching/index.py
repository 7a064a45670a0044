"""The nearest vectors, by comparing with all of them: exact, and a few milliseconds for 100,000 (150 MB)."""

from collections.abc import Sequence

import numpy as np

from libs.matching.embedding import DIMENSIONS, Vectors


class VectorIndex:
    """Vectors of length 1 under an id each. Adding an id again replaces its vector."""

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._place: dict[int, int] = {}
        self._rows: Vectors = np.zeros((0, DIMENSIONS), np.float32)

    def __len__(self) -> int:
        return len(self._ids)

    def put(self, ids: Sequence[int], vectors: Vectors) -> None:
        """Add rows (n, 384), or replace those whose id is known. The last of a repeated id stays."""
        last = dict(zip(ids, vectors, strict=True))
        fresh = [each for each in last if each not in self._place]
        for each, row in last.items():
            if each in self._place:
                self._rows[self._place[each]] = row
        if fresh:
            self._place.update({each: len(self._ids) + at for at, each in enumerate(fresh)})
            self._ids += fresh
            self._rows = np.vstack([self._rows, np.stack([last[each] for each in fresh])])

    def nearest(self, vector: Vectors, most: int) -> list[tuple[int, float]]:
        """Ids with their cosines, the nearest first, at most `most`; equals in the order of their adding."""
        cosines = self._rows @ vector
        order = np.argsort(-cosines, kind="stable")[:most]
        return [(self._ids[at], float(cosines[at])) for at in order.tolist()]
