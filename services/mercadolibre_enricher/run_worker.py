"""`python -m services.mercadolibre_enricher.run_worker search`: what `sellstream enricher run` runs."""

from typing import Annotated

import typer

from libs.marketplaces.mercadolibre.jobs import JobType
from libs.service import run
from services.mercadolibre_enricher.config import Config
from services.mercadolibre_enricher.worker_service import builder


def main(kind: Annotated[JobType, typer.Argument()]) -> None:
    """Work on one kind of job until stopped."""
    run(builder(kind), Config)


if __name__ == "__main__":
    typer.run(main)
