"""Facts that name items → seeds: orders, questions, our own listings, and what earlier searches found."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from libs.access.fates import WAIT_FOR_TURN
from libs.bus.message import Outgoing, Received
from libs.bus.outcome import Ignore, Wait
from libs.db.errors import DatabaseAway, NotMigrated
from libs.marketplaces.mercadolibre.items import ITEM_ID
from schemas.event import Fact
from schemas.listings.listing_changed import ListingChangedV1
from schemas.orders.order_changed import OrderChangedV2
from schemas.questions.question_changed import QuestionChangedV1
from schemas.search_runs.search_run_changed import SearchRunChangedV1, SearchRunStatus
from services.mercadolibre_enricher.fallbacks.seeds import MARKETPLACE, Seed, Seeds, Source

TOPICS = ("orders", "questions", "listings", "search_runs")


def _of_order(fact: OrderChangedV2) -> list[Seed]:
    return [Seed(line.item_id, Source.ORDER, fact.account) for line in fact.lines]


def _of_question(fact: QuestionChangedV1) -> list[Seed]:
    return [Seed(fact.listing_id, Source.QUESTION, fact.account)]


def _of_listing(fact: ListingChangedV1) -> list[Seed]:
    return [Seed(fact.listing_id, Source.LISTING, fact.account)]


def _of_search_run(fact: SearchRunChangedV1) -> list[Seed]:
    """Also of runs that others report; what our own search has queued already is known."""
    if fact.deleted or fact.status is not SearchRunStatus.SUCCEEDED:
        return []
    return [Seed(result.item_id, Source.SEARCH_RUN) for result in fact.results]


SEEDERS: Mapping[type[Fact], Callable[[Any], list[Seed]]] = {
    OrderChangedV2: _of_order,
    QuestionChangedV1: _of_question,
    ListingChangedV1: _of_listing,
    SearchRunChangedV1: _of_search_run,
}


async def on_facts(batch: Sequence[Received], seeds: Seeds) -> list[Outgoing]:
    """Facts of one key, oldest first: the items that they name are queued, no fact comes of it."""
    named = [seed for received in batch for seed in _named(received.fact)]
    valid = [seed for seed in named if ITEM_ID.fullmatch(seed.item_id)]
    if not valid:
        raise Ignore("it names no item of MercadoLibre")
    try:
        planted = await seeds.plant(valid)
    except (DatabaseAway, NotMigrated) as error:
        raise Wait(str(error), WAIT_FOR_TURN) from error
    if not planted.queued:
        raise Ignore("the items that it names were queued not long ago")
    return []


def _named(fact: Fact) -> list[Seed]:
    seeder = SEEDERS.get(type(fact))
    if seeder is None or getattr(fact, "marketplace", None) != MARKETPLACE:
        return []
    return seeder(fact)
