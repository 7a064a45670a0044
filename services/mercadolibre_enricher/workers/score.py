"""score: judge an item by its features and by the prices that are known for the same product."""

from decimal import Decimal

from libs.commands.command import Command
from libs.db.pool import Connection
from libs.jobs import SETTLED, Job, RetryJob, Settled
from libs.marketplaces.mercadolibre.normalise import MARKETPLACE
from libs.marketplaces.mercadolibre.score import score_item
from libs.marketplaces.mercadolibre.score_result import ItemFeatures, PriceDistribution, SellerStanding
from libs.read_models.item_scores.project import READ_MODEL as ITEM_SCORES
from libs.read_models.items.project import ItemRow
from libs.read_models.items.queries import item, prices_of_product
from schemas.item_scores.item_scored import ItemScoredV1, ScoreComponent
from services.mercadolibre_enricher.workers.pipeline import ItemPayload, Pipeline


async def on_score(job: Job, pipeline: Pipeline) -> Settled:
    """Score one item. The score and the end of the job are one transaction."""
    wanted = pipeline.payload(job, ItemPayload)

    async def keep(command: Command) -> None:
        key = f"{MARKETPLACE}:{wanted.item_id}"
        await command.row(ITEM_SCORES, key)
        features = await item(command.connection, MARKETPLACE, wanted.item_id)
        if features is None:
            raise RetryJob({"code": "NoFeatures", "msg": f"{wanted.item_id} has not been enriched yet"})
        prices = await prices_of_product(command.connection, features)
        command.record(ITEM_SCORES, scored(features, prices, pipeline))

        async def end(connection: Connection) -> None:
            await pipeline.finish_in(connection, job)

        command.then(end)

    await pipeline.commands.run(keep)
    return SETTLED


def scored(row: ItemRow, prices: list[Decimal], pipeline: Pipeline) -> ItemScoredV1:
    """The fact of an item's score; `prices` are those of other offers of the same product."""
    distribution = PriceDistribution.of(row.currency_id, prices) if prices and row.currency_id else None
    score = score_item(features_of(row), standing_of(row), distribution, pipeline.weights)
    return ItemScoredV1(
        marketplace=row.marketplace,
        item_id=row.item_id,
        product_id=row.product_id,
        score=score.total,
        coverage=score.coverage,
        scoring=f"mercadolibre-{score.version}",
        components=[
            ScoreComponent(name=one.name, value=one.value, weight=one.weight, points=one.points, reason=one.reason)
            for one in score.components
        ],
        features_event_id=row.event_id,
        updated_at=pipeline.now(),
    )


def features_of(row: ItemRow) -> ItemFeatures:
    """What the score is made from."""
    filled = len(row.attributes)
    return ItemFeatures(
        item_id=row.item_id,
        price=row.price,
        currency_id=row.currency_id,
        sold_quantity=row.sold_quantity,
        available_quantity=row.available_quantity,
        free_shipping=row.free_shipping,
        logistic_type=row.logistic_type,
        listing_type_id=row.listing_type_id,
        pictures_count=row.pictures_count,
        attributes_filled=filled,
        attributes_expected=filled + row.attributes_missing,
    )


def standing_of(row: ItemRow) -> SellerStanding | None:
    """What is known of the seller; None where nothing is."""
    known = (row.reputation_level, row.power_seller_status, row.transactions_total, row.ratings_positive)
    if all(value is None for value in known):
        return None
    return SellerStanding(
        row.reputation_level,
        row.power_seller_status,
        row.transactions_total,
        row.transactions_completed,
        row.ratings_positive,
    )
