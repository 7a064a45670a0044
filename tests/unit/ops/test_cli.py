"""The `sellstream` command finds every command, and imports no other's module."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from services.ops.cli import MODULES, app, commands_of


@pytest.mark.parametrize("module", MODULES)
def test_a_module_registers_the_commands_that_are_declared(module: str) -> None:
    assert tuple(commands_of(module)) == MODULES[module]


def test_the_help_shows_every_command() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    for names in MODULES.values():
        for name in names:
            assert name in shown.output


def test_an_unknown_command_is_refused() -> None:
    result = CliRunner().invoke(app, ["rebuild"])
    assert result.exit_code == 2
    assert "rebuild" in result.output


def test_a_command_imports_its_own_module_alone() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from services.ops.cli import app; "
        "print(CliRunner().invoke(app, ['db', '--help']).exit_code); "
        "print(*sorted(name for name in sys.modules if name.startswith('services.')))"
    )
    status, modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert status == "0"
    assert "services.ops.db" in modules.split()
    assert "services.ops.read_models" not in modules.split()
