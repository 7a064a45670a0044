"""search: ask a site, keep the run with its results or with why it failed, and queue the items for enrichment."""

from libs.commands.command import Command
from libs.db.pool import Connection
from libs.http.errors import ApiError, Garbage
from libs.jobs import SETTLED, Failed, Job, Retry, Settled
from libs.marketplaces.mercadolibre.items import ITEM_ID
from libs.marketplaces.mercadolibre.normalise import MARKETPLACE, failed_run, search_run
from libs.marketplaces.mercadolibre.search import Found, SearchQuery, search
from libs.marketplaces.payload import Malformed
from libs.read_models.search_runs.project import READ_MODEL as SEARCH_RUNS
from services.mercadolibre_enricher.fallbacks.seeds import Seed, Source
from services.mercadolibre_enricher.workers.failures import error_json, outcome_of
from services.mercadolibre_enricher.workers.pipeline import Pipeline

PRIORITY = 100
SEQUENCE = "search_runs"


async def on_search(job: Job, pipeline: Pipeline) -> Settled:
    """Run one search. The run, its results, the next jobs and the end of this one are one transaction."""
    query = pipeline.payload(job, SearchQuery)
    began = pipeline.now()

    async def keep(command: Command) -> None:
        number = await _number(command)
        run = search_run(number, query, found, began, ended)
        command.record(SEARCH_RUNS, run, new_in=SEQUENCE)

        async def go_on(connection: Connection) -> None:
            await pipeline.seeds.plant_in(connection, _seeds(found))
            await pipeline.finish_in(connection, job)

        command.then(go_on)

    async def keep_failure(command: Command) -> None:
        number = await _number(command)
        run = failed_run(number, query, failure.status or 0, error_json(failure), began, ended)
        command.record(SEARCH_RUNS, run, new_in=SEQUENCE)

        async def end(connection: Connection) -> None:
            await pipeline.finish_in(connection, job, outcome)

        command.then(end)

    try:
        found = await pipeline.ask(None, lambda client: search(client, query))
        ended = pipeline.now()
        await pipeline.commands.run(keep)
    except (ApiError, Malformed) as error:
        ended = pipeline.now()
        failure = error if isinstance(error, ApiError) else Garbage("GET /sites/{site}/search", str(error), status=200)
        outcome: Retry | Failed = outcome_of(failure, job, pipeline.backoff)
        await pipeline.commands.run(keep_failure)
    return SETTLED


async def _number(command: Command) -> int:
    (number,) = await command.new_ids(SEQUENCE, 1)
    await command.row(SEARCH_RUNS, f"{MARKETPLACE}:{number}")
    return number


def _seeds(found: Found) -> list[Seed]:
    return [Seed(item.id, Source.SEARCH_RUN, priority=PRIORITY) for item in found.items if ITEM_ID.fullmatch(item.id)]
