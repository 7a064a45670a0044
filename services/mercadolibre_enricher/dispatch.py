"""One consumer, two kinds of records: notifications lead to facts, facts name items for the enrichment."""

from collections.abc import Sequence

from libs.bus.message import Outgoing, Received
from schemas.webhooks.webhook_received import EVENT as RECEIVED
from schemas.webhooks.webhook_received import WebhookReceivedV1
from services.mercadolibre_enricher.fallbacks.seeding import TOPICS as NAMING
from services.mercadolibre_enricher.fallbacks.seeding import on_facts
from services.mercadolibre_enricher.fallbacks.seeds import Seeds
from services.mercadolibre_enricher.handlers import Deps, on_webhooks

TOPICS = (RECEIVED.topic, *NAMING)


async def on_records(batch: Sequence[Received], deps: Deps, seeds: Seeds) -> list[Outgoing]:
    """Records of one key in one topic: all of them are of one kind."""
    if isinstance(batch[0].fact, WebhookReceivedV1):
        return await on_webhooks(batch, deps)
    return await on_facts(batch, seeds)
