"""The events of the projector benchmark are genuine facts, and their final state is known."""

from bench.projector.dataset import Dataset, encoded, fact
from schemas.orders.order_changed import OrderChangedV2

DATASET = Dataset(events=200, orders=40)


def test_events_are_facts_as_sellstream_writes_them() -> None:
    for state in DATASET.states():
        assert encoded(state) == fact(state).encode()
        assert OrderChangedV2.model_validate_json(encoded(state)).key() == state.key


def test_every_order_occurs_and_its_last_event_is_its_latest() -> None:
    states = list(DATASET.states())
    assert len(states) == 200
    assert DATASET.expected.rows == len({state.order_id for state in states}) == 40
    for last in DATASET.final:
        own = [state for state in states if state.number == last.number]
        assert last.updated_at == max(state.updated_at for state in own)
        assert last.change == len(own) - 1


def test_the_same_dataset_is_the_same_each_time_in_either_form() -> None:
    assert Dataset(200, 40).expected == Dataset(200, 40, form="rows").expected
    assert Dataset(200, 40).topic != Dataset(200, 40, form="rows").topic


def test_a_partitions_last_order_is_the_last_that_was_written_to_it() -> None:
    ends = DATASET.last_of_each_partition()
    assert 1 <= len(ends) <= 6
    assert max(state.event for state in DATASET.states()) == max(end.event for end in ends)
