"""Which requests meet a fault."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from services.sandbox.clock import Clock
from services.sandbox.faults import FaultKind, Faults, FaultSpec


def faults(clock: Clock | None = None, seed: int = 1) -> Faults:
    return Faults(seed, clock or Clock(datetime(2026, 6, 5, tzinfo=UTC)))


def test_a_fault_meets_its_marketplace_method_and_path_so_often_as_ordered() -> None:
    made = faults()
    made.order(FaultSpec(marketplace="mercadolibre", kind=FaultKind.OUTAGE, path="/orders/*", method="get", count=2))
    assert made.hit("ebay", "GET", "/orders/1") is None
    assert made.hit("mercadolibre", "POST", "/orders/1") is None
    assert made.hit("mercadolibre", "GET", "/items/1") is None
    hits = [made.hit("mercadolibre", "GET", "/orders/1") for _ in range(3)]
    assert [hit is not None for hit in hits] == [True, True, False]
    assert made.shown()[0]["hits"] == 2
    assert made.shown()[0]["over"] is True


def test_a_fault_ends_with_its_time() -> None:
    clock = Clock(datetime(2026, 6, 5, tzinfo=UTC), monotonic=lambda: 0.0)
    made = faults(clock)
    made.order(FaultSpec(marketplace="ebay", kind=FaultKind.TIMEOUT, seconds=30))
    assert made.hit("ebay", "GET", "/x") is not None
    clock.advance(timedelta(seconds=30))
    assert made.hit("ebay", "GET", "/x") is None


def test_the_dice_are_seeded() -> None:
    def thrown(seed: int) -> list[bool]:
        made = faults(seed=seed)
        made.order(FaultSpec(marketplace="square", kind=FaultKind.OUTAGE, probability=0.5))
        return [made.hit("square", "GET", "/") is not None for _ in range(50)]

    assert thrown(1) == thrown(1)
    assert 5 < sum(thrown(1)) < 45
    assert thrown(1) != thrown(2)


def test_faults_are_forgotten_one_or_all() -> None:
    made = faults()
    first = made.order(FaultSpec(marketplace="ebay", kind=FaultKind.OUTAGE))
    made.order(FaultSpec(marketplace="ebay", kind=FaultKind.BLOCKED))
    made.order(FaultSpec(marketplace="ebay", kind=FaultKind.GARBAGE))
    assert made.clear(99) == 0
    assert made.clear(first.number) == 1
    hit = made.hit("ebay", "GET", "/")
    assert hit is not None
    assert hit.kind is FaultKind.BLOCKED
    assert made.clear() == 2
    assert made.hit("ebay", "GET", "/") is None


def test_a_wrong_order_is_refused() -> None:
    for wrong in ({"kind": "explosion"}, {"kind": "outage", "probability": 2}, {"kind": "outage", "what": 1}):
        with pytest.raises(ValidationError):
            FaultSpec.model_validate({"marketplace": "ebay", **wrong})
