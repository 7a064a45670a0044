"""The enricher's settings and accounts without its consumer: a worker for one kind of job, as a process of its own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from aiohttp import web

from libs.bus.publisher import Publisher
from libs.marketplaces.mercadolibre.jobs import JobType
from libs.privacy.sealer import open_sealer
from libs.service import Service
from services.mercadolibre_enricher.accounts import open_accounts
from services.mercadolibre_enricher.config import Config
from services.mercadolibre_enricher.workers.app import pipeline_worker


def builder(kind: JobType) -> Callable[[Config], AbstractAsyncContextManager[Service]]:
    """What builds the worker; its health is on a free port."""

    @asynccontextmanager
    async def build(config: Config) -> AsyncIterator[Service]:
        name = f"mercadolibre_enricher_{kind}"
        async with AsyncExitStack() as stack:
            sealer = await stack.enter_async_context(open_sealer(config.database.url, config.secrets.vault, name))
            publisher = await stack.enter_async_context(Publisher(config.kafka, name, seal=sealer))
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

    return build
