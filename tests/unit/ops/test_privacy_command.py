"""`sellstream privacy`: wrong use is told before anything is looked for."""

import pytest
from typer.testing import CliRunner

from services.ops.cli import app


@pytest.mark.parametrize("command", ["erase", "show"])
@pytest.mark.parametrize("named", [(), ("--person", "x", "--order", "1")])
def test_a_person_or_an_order_is_named(command: str, named: tuple[str, ...]) -> None:
    ended = CliRunner().invoke(app, ["privacy", command, "--marketplace", "ebay", *named])
    assert ended.exit_code == 2
    assert "name a person or an order" in ended.output


@pytest.mark.parametrize("named", [("ebay", "--person", ""), ("ebay", "--order", " "), ("", "--person", "anna")])
def test_an_empty_name_is_refused(named: tuple[str, ...]) -> None:
    ended = CliRunner().invoke(app, ["privacy", "erase", "--yes", "--marketplace", *named])
    assert ended.exit_code == 2
    assert "an empty name" in ended.output


def test_an_erasure_without_kafka_in_sight_says_who_sweeps() -> None:
    environ = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "KAFKA_BOOTSTRAP_SERVERS": None}
    ended = CliRunner().invoke(app, ["privacy", "sweep"], env=environ)
    assert ended.exit_code == 0
    assert "not swept now; the service privacy does it" in ended.output
