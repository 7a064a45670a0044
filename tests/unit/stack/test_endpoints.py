"""Which stack is used."""

from pathlib import Path

import pytest

from libs.stack import Endpoints, StackError, find_endpoints

KAFKA = {"KAFKA_BOOTSTRAP_SERVERS": "broker-1:9092,broker-2:9092"}
DATABASE = {"DATABASE_URL": "postgresql://app:secret@db/shop"}


def test_both_variables_name_an_external_stack(tmp_path: Path) -> None:
    assert find_endpoints(KAFKA | DATABASE, tmp_path) == Endpoints(
        "external", "broker-1:9092,broker-2:9092", "postgresql://app:secret@db/shop"
    )


def test_no_variable_and_no_running_stack_is_none(tmp_path: Path) -> None:
    assert find_endpoints({}, tmp_path) is None
    assert list(tmp_path.iterdir()) == [], "looking must not create anything"


@pytest.mark.parametrize(("given", "missing"), [(KAFKA, "DATABASE_URL"), (DATABASE, "KAFKA_BOOTSTRAP_SERVERS")])
def test_half_a_stack_is_refused(given: dict[str, str], missing: str, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=f"{missing} is not"):
        find_endpoints(given, tmp_path)
    with pytest.raises(StackError):
        find_endpoints({**given, missing: ""}, tmp_path)


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(Endpoints("external", "broker:9092", DATABASE["DATABASE_URL"]))
