"""The nearest vectors, by comparing with all of them: exact, and a few milliseconds for 100,000 (150 MB)."""

from collections.abc import Sequence

import numpy as np

from libs.matching.embedding import DIMENSIONS, Vectors

_LEAST_ROOM = 64


class VectorIndex:
    """Vectors of length 1 under an id each. Adding an id again replaces its vector."""

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._place: dict[int, int] = {}
        self._room: Vectors = np.zeros((0, DIMENSIONS), np.float32)  # grows by doubling; the first rows are in use

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, each: int) -> bool:
        return each in self._place

    def put(self, ids: Sequence[int], vectors: Vectors) -> None:
        """Add rows (n, 384), or replace those whose id is known. The last of a repeated id stays."""
        for each, row in zip(ids, vectors, strict=True):
            if each not in self._place:
                self._place[each] = len(self._ids)
                self._ids.append(each)
                self._make_room(len(self._ids))
            self._room[self._place[each]] = row

    def remove(self, each: int) -> None:
        """Forget a row, if there is one; the last one takes its place."""
        place = self._place.pop(each, None)
        if place is None:
            return
        last = self._ids.pop()
        if last != each:
            self._ids[place] = last
            self._place[last] = place
            self._room[place] = self._room[len(self._ids)]

    def vector(self, each: int) -> Vectors:
        """The row of an id; raises KeyError."""
        row: Vectors = self._room[self._place[each]].copy()
        return row

    def nearest(self, vector: Vectors, most: int) -> list[tuple[int, float]]:
        """Ids with their cosines, the nearest first, at most `most`; equals in the order of their places."""
        cosines = self._room[: len(self._ids)] @ vector
        order = np.argsort(-cosines, kind="stable")[:most]
        return [(self._ids[at], float(cosines[at])) for at in order.tolist()]

    def _make_room(self, rows: int) -> None:
        if rows > len(self._room):
            more = np.zeros((max(len(self._room), _LEAST_ROOM), DIMENSIONS), np.float32)
            self._room = np.vstack([self._room, more])
