"""The index of vectors against comparing with each of them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from libs.matching.embedding import DIMENSIONS, Vectors
from libs.matching.index import VectorIndex


def row(number: int) -> Vectors:
    made = np.random.default_rng(number).normal(size=DIMENSIONS).astype(np.float32)
    return made / np.float32(np.linalg.norm(made))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8), st.integers(0, 5)), max_size=40))
def test_it_holds_what_was_put_last_and_not_removed(steps):
    index, known = VectorIndex(), dict[int, Vectors]()
    for put, each, seed in steps:
        if put:
            known[each] = row(seed)
            index.put([each], known[each][np.newaxis])
        else:
            known.pop(each, None)
            index.remove(each)
    assert len(index) == len(known)
    asked = row(99)
    found = index.nearest(asked, 100)
    assert {each for each, _ in found} == set(known)
    assert [cosine for _, cosine in found] == sorted((cosine for _, cosine in found), reverse=True)
    for each, cosine in found:
        assert np.isclose(cosine, float(known[each] @ asked), atol=1e-6)
        assert np.array_equal(index.vector(each), known[each])
