"""enrich: look at an item and at its seller, keep its features, and queue it to be scored."""

from libs.commands.command import Command
from libs.db.pool import Connection
from libs.http.errors import ApiError
from libs.jobs import SETTLED, Job, NewJob, Settled
from libs.marketplaces.mercadolibre.client import MercadoLibre
from libs.marketplaces.mercadolibre.items import look_at_item
from libs.marketplaces.mercadolibre.jobs import JobType
from libs.marketplaces.mercadolibre.normalise import item_changed
from libs.marketplaces.mercadolibre.payloads_search import PublicItem, PublicUser
from libs.marketplaces.payload import Malformed
from libs.read_models.items.project import READ_MODEL as ITEMS
from services.mercadolibre_enricher.workers.failures import outcome_of
from services.mercadolibre_enricher.workers.pipeline import ItemPayload, Pipeline


async def on_enrich(job: Job, pipeline: Pipeline) -> Settled | None:
    """Enrich one item. The features, the score job and the end of this one are one transaction."""
    wanted = pipeline.payload(job, ItemPayload)

    async def look(client: MercadoLibre) -> tuple[PublicItem, PublicUser | None]:
        item = await look_at_item(client, wanted.item_id)
        return item, None if item.seller_id is None else await pipeline.sellers.look(client, item.seller_id)

    try:
        item, seller = await pipeline.ask(wanted.account, look)
    except ApiError as error:
        await pipeline.end(job, outcome_of(error, job, pipeline.backoff))
        return SETTLED
    try:
        fact = item_changed(item, seller, wanted.source, pipeline.now())
    except Malformed as error:
        await pipeline.end(job, pipeline.again(job, {"code": "Malformed", "msg": str(error)}))
        return SETTLED
    score = NewJob(
        JobType.SCORE,
        {"item_id": item.id},
        priority=job.priority,
        max_attempts=pipeline.max_attempts,
        dedupe_key=f"{JobType.SCORE}:{item.id}",
    )

    async def keep(command: Command) -> None:
        await command.row(ITEMS, fact.key())
        command.record(ITEMS, fact)

        async def go_on(connection: Connection) -> None:
            await pipeline.queue.enqueue_in(connection, [score])
            await pipeline.finish_in(connection, job)

        command.then(go_on)

    await pipeline.commands.run(keep)
    return SETTLED
