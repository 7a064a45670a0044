"""`python -m services.mercadolibre_enricher.run_worker search`: what `sellstream enricher run` runs.

The enricher's settings and accounts without its consumer: a worker for one kind of job, as many processes as wanted.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Annotated

import typer
from aiohttp import web

from libs.bus.publisher import Publisher
from libs.marketplaces.mercadolibre.jobs import JobType
from libs.service import Service, run
from services.mercadolibre_enricher.accounts import open_accounts
from services.mercadolibre_enricher.config import Config
from services.mercadolibre_enricher.workers.app import pipeline_worker


@asynccontextmanager
async def open_worker(config: Config, kind: JobType) -> AsyncIterator[Service]:
    """A worker for one kind of job, connected; its health is on a free port."""
    name = f"mercadolibre_enricher_{kind}"
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(Publisher(config.kafka, name))
        accounts = await open_accounts(config, name, stack)
        worker = await pipeline_worker(config, name, accounts.clients, publisher, [kind], stack)
        yield Service(
            name=name,
            host=config.host,
            port=0,
            http=web.Application(),
            ready={"kafka": publisher.check, "postgres": accounts.check},
            workers={"pipeline": worker.run},
        )


def main(kind: Annotated[JobType, typer.Argument()]) -> None:
    """Work on one kind of job until stopped."""

    def build(config: Config) -> AbstractAsyncContextManager[Service]:
        return open_worker(config, kind)

    run(build, Config)


if __name__ == "__main__":
    typer.run(main)
