"""The `sellstream` command: one typer application, one module per group of commands."""

import typer

app = typer.Typer(
    name="sellstream",
    help="Run, inspect and repair sellstream.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Entry point of the console script `sellstream`."""
    app()


if __name__ == "__main__":
    main()
