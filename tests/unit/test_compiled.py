"""What is compiled where a C compiler is at hand."""

from pathlib import Path

from libs import compiled

ROOT = Path(__file__).resolve().parents[2]


def test_what_is_listed_is_there_and_listed_once() -> None:
    assert list(compiled.MODULES) == sorted(set(compiled.MODULES))
    assert all((ROOT / module).is_file() for module in compiled.MODULES)


def test_the_tests_run_what_users_run() -> None:
    assert compiled.state() in {"compiled", "interpreted"}
    assert compiled.told().endswith(".")
