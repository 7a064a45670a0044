"""What is compiled where a C compiler is at hand."""

import ast
from pathlib import Path

from libs import compiled

ROOT = Path(__file__).resolve().parents[2]


def test_what_is_listed_is_there_and_listed_once() -> None:
    assert list(compiled.MODULES) == sorted(set(compiled.MODULES))
    assert all((ROOT / module).is_file() for module in compiled.MODULES)


def test_the_tests_run_what_users_run() -> None:
    assert compiled.state() in {"compiled", "interpreted"}
    assert compiled.told().endswith(".")


def test_nothing_waits_while_an_exception_is_handled() -> None:
    """A coroutine that mypyc compiled and that waits there leaves its exception to all that runs afterwards."""
    waiting = [
        f"{module}:{part.lineno}"
        for module in compiled.MODULES
        for handler in ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8")))
        if isinstance(handler, ast.ExceptHandler)
        for part in ast.walk(handler)
        if isinstance(part, ast.Await | ast.AsyncWith | ast.AsyncFor)
    ]
    assert waiting == []
