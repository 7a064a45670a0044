"""The wait after a failed attempt, as the mission calculates it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from libs.jobs import WorkerSettings
from libs.jobs.backoff import Backoff


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 60), (2, 120), (3, 240), (4, 480), (5, 960), (6, 1920), (7, 3600), (500, 3600)]
)
def test_it_doubles_up_to_an_hour(attempts: int, seconds: float) -> None:
    assert Backoff().seconds(attempts, spread=1.0) == seconds


@given(st.integers(1, 10_000))
def test_it_is_spread_by_three_tenths(attempts: int) -> None:
    middle = min(3600, 60 * 2 ** min(attempts - 1, 20))
    assert middle * 0.7 <= Backoff().seconds(attempts) <= middle * 1.3


def test_there_is_no_wait_before_the_first_failure() -> None:
    with pytest.raises(ValueError, match="attempts is 0"):
        Backoff().seconds(0)


def test_the_settings_have_the_documented_names_and_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    documented = {
        "LOCKED_BY": ("ml_worker_01", "w9"),
        "LOCK_SECONDS": (120, "30"),
        "MAX_ATTEMPTS": (6, "3"),
        "SLEEP_EMPTY": (2.0, "5"),
        "SLEEP_ERROR": (3.0, "7"),
    }
    for name in documented:
        monkeypatch.delenv(name, raising=False)
    defaults = WorkerSettings()
    assert {name: getattr(defaults, name.lower()) for name in documented} == {n: d for n, (d, _) in documented.items()}
    assert defaults.backoff == Backoff(60, 3600)
    for name, (_, changed_to) in documented.items():
        monkeypatch.setenv(name, changed_to)
    changed = WorkerSettings()
    assert (changed.locked_by, changed.lock_seconds, changed.max_attempts) == ("w9", 30, 3)
    assert (changed.sleep_empty, changed.sleep_error) == (5, 7)


def test_a_backoff_that_shrinks_is_refused() -> None:
    with pytest.raises(ValidationError, match="BACKOFF_MAX_SECONDS is less than BACKOFF_BASE_SECONDS"):
        WorkerSettings(backoff_base_seconds=60, backoff_max_seconds=30)
