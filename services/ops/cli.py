"""The `sellstream` command: one typer application, one module per group of commands."""

import typer

from services.ops import db, demo, dlq, ebay, enricher_import, read_models, schemas, secrets, stack, topics

app = typer.Typer(
    name="sellstream",
    help="Run, inspect and repair sellstream.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
stack.register(app)
schemas.register(app)
topics.register(app)
db.register(app)
secrets.register(app)
read_models.register(app)
dlq.register(app)
ebay.register(app)
enricher_import.register(app)
demo.register(app)


def main() -> None:
    """Entry point of the console script `sellstream`."""
    app()


if __name__ == "__main__":
    main()
