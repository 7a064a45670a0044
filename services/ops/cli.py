"""The `sellstream` command: one typer application, one module per group of commands.

A command imports its own module alone: all of them together take most of a second.
"""

import gc
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from services.ops.terminal import show_everything

MODULES: dict[str, tuple[str, ...]] = {
    "stack": ("up", "down", "status", "doctor"),
    "schemas": ("schemas",),
    "topics": ("topics",),
    "db": ("db",),
    "secrets": ("secrets",),
    "read_models": ("read-models",),
    "dlq": ("dlq",),
    "jobs": ("jobs",),
    "ebay": ("ebay",),
    "privacy": ("privacy",),
    "stockx": ("stockx",),
    "market_data": ("inventory", "notion"),
    "pricing": ("pricing",),
    "enricher_import": ("enricher",),
    "demo": ("demo",),
}
"""The modules beside this one that have `register(app)`, and the commands that each adds; in the order of the help."""


class Commands(TyperGroup):
    """The commands of MODULES, each imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  (a click.Context)
        return [name for names in MODULES.values() for name in names]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name; None for a name that nothing has."""
        if cmd_name not in self.commands:
            for module, names in MODULES.items():
                if cmd_name in names:
                    self.commands.update(commands_of(module))
        return super().get_command(ctx, cmd_name)


def commands_of(module: str) -> dict[str, Any]:
    """What a module registers: click commands by their names."""
    part = typer.Typer()
    import_module(f"{__package__}.{module}").register(part)
    return dict(get_group(part).commands)


app = typer.Typer(
    name="sellstream",
    cls=Commands,
    help="Run, inspect and repair sellstream.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def _sellstream() -> None:
    """Only for its name: the commands come from MODULES."""


def main() -> None:
    """Entry point of the console script `sellstream`."""
    show_everything()
    try:
        app()
    finally:
        gc.freeze()  # the interpreter would look through all that is left for circles: a tenth of a second


if __name__ == "__main__":
    main()
