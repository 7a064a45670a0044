"""Construction: topic `webhooks` → handlers (asking MercadoLibre) → fact topics."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

from aiohttp import web

from libs.bus.consumer import Consumer, Tuning
from libs.bus.publisher import Publisher
from libs.db.pool import Database
from libs.jobs import JobQueue
from libs.marketplaces.mercadolibre.jobs import QUEUE
from libs.privacy.sealer import open_sealer
from libs.service import Service
from services.mercadolibre_enricher.accounts import open_accounts
from services.mercadolibre_enricher.config import Config
from services.mercadolibre_enricher.dispatch import TOPICS, on_records
from services.mercadolibre_enricher.fallbacks.app import fallback_workers
from services.mercadolibre_enricher.fallbacks.seeds import Seeds
from services.mercadolibre_enricher.handlers import Deps
from services.mercadolibre_enricher.workers.app import pipeline_worker

NAME = "mercadolibre_enricher"


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    async with AsyncExitStack() as stack:
        sealer = await stack.enter_async_context(open_sealer(config.database.url, config.secrets.vault, NAME))
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME, seal=sealer))
        accounts = await open_accounts(config, NAME, stack)
        deps = Deps(accounts.clients, settle=timedelta(seconds=config.settle_seconds))
        tuning = Tuning(coalesce=timedelta(milliseconds=config.coalesce_milliseconds), concurrency=config.concurrency)
        consumer = Consumer(config.kafka, NAME, TOPICS, publisher, tuning)
        work = await stack.enter_async_context(Database(config.database.url, application=NAME, most=4))
        seeds = Seeds(JobQueue(work, QUEUE), config.seeds.again_after)
        pipeline = await pipeline_worker(config, NAME, accounts.clients, publisher, config.pipeline.jobs, stack)
        yield Service(
            name=NAME,
            host=config.host,
            port=config.port,
            http=web.Application(),
            ready={"kafka": publisher.check, "consumer": consumer.check, "postgres": accounts.check},
            workers={
                "consumer": partial(consumer.run, partial(on_records, deps=deps, seeds=seeds)),
                **fallback_workers(config, accounts.clients, accounts.api, publisher, work, seeds),
                **({"pipeline": pipeline.run} if config.pipeline.jobs else {}),
            },
        )
