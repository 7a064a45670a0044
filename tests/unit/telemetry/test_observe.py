"""Observing many at once is the same as observing each."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from libs.telemetry.observe import observe_all

BUCKETS = (0.001, 0.01, 0.1, 1)
amounts = st.floats(-1, 10) | st.sampled_from([0.0, *BUCKETS])


def histogram() -> Histogram:
    return Histogram("seconds", "For this test.", ["name"], buckets=BUCKETS, registry=CollectorRegistry())


@given(st.lists(st.lists(amounts, max_size=20), max_size=4))
def test_many_at_once_are_counted_as_one_by_one(batches: list[list[float]]) -> None:
    one_by_one, at_once = histogram().labels("a"), histogram().labels("a")
    for batch in batches:
        for amount in batch:
            one_by_one.observe(amount)
        observe_all(at_once, batch)
    expected = {(sample.name, str(sample.labels)): sample.value for sample in one_by_one._samples()}
    found = {(sample.name, str(sample.labels)): sample.value for sample in at_once._samples()}
    created = ("_created", "{}")
    assert {name: round(value, 9) for name, value in found.items() if name != created} == {
        name: round(value, 9) for name, value in expected.items() if name != created
    }
