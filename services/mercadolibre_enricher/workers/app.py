"""Construction of the pipeline's worker."""

from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial

from libs.bus.publisher import Publisher
from libs.commands.run import Commands
from libs.db.pool import Database
from libs.jobs import Handler, JobQueue, Worker
from libs.marketplaces.mercadolibre.client import MercadoLibre
from libs.marketplaces.mercadolibre.jobs import QUEUE, JobType
from libs.read_models import READ_MODELS
from services.mercadolibre_enricher.config import Config
from services.mercadolibre_enricher.fallbacks.seeds import Seeds
from services.mercadolibre_enricher.workers.enrich import on_enrich
from services.mercadolibre_enricher.workers.pipeline import Pipeline
from services.mercadolibre_enricher.workers.score import on_score
from services.mercadolibre_enricher.workers.search import on_search
from services.mercadolibre_enricher.workers.sellers import Sellers

HANDLERS = {JobType.SEARCH: on_search, JobType.ENRICH: on_enrich, JobType.SCORE: on_score}


async def pipeline_worker(
    config: Config,
    service: str,
    accounts: Mapping[str, MercadoLibre],
    publisher: Publisher,
    jobs: Collection[JobType],
    stack: AsyncExitStack,
) -> Worker:
    """A worker for these kinds of jobs. `stack` closes what it needs."""
    settings = config.worker
    # A connection for each job that is being written down, and some for the queue.
    most = settings.concurrency + 4
    database = await stack.enter_async_context(Database(config.database.url, application=f"{service} jobs", most=most))
    commands = Commands(database, config.kafka, publisher, service, READ_MODELS)
    await stack.enter_async_context(commands)
    queue = JobQueue(database, QUEUE)
    pipeline = Pipeline(
        accounts,
        commands,
        queue,
        Seeds(queue, config.seeds.again_after),
        Sellers(timedelta(minutes=config.pipeline.seller_minutes)),
        backoff=settings.backoff,
        weights=config.pipeline.weights,
        max_attempts=settings.max_attempts,
    )
    handlers: dict[str, Handler] = {one: partial(HANDLERS[one], pipeline=pipeline) for one in jobs}
    return Worker(queue, handlers, settings)
