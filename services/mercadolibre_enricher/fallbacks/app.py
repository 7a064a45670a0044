"""Construction of the fallbacks' workers."""

from collections import defaultdict
from collections.abc import Mapping

from libs.bus.publisher import Publisher
from libs.db.pool import Database
from libs.http.client import ApiClient
from libs.marketplaces.mercadolibre.client import MercadoLibre
from libs.marketplaces.mercadolibre.missed import MissedFeeds
from libs.service import Worker
from libs.telemetry.log import get_logger
from services.mercadolibre_enricher.config import Config
from services.mercadolibre_enricher.fallbacks.missed import MissedNotifications
from services.mercadolibre_enricher.fallbacks.missed_worker import MissedWorker
from services.mercadolibre_enricher.fallbacks.seed_worker import SeedWorker
from services.mercadolibre_enricher.fallbacks.seeds import Seeds

log = get_logger()


def fallback_workers(
    config: Config,
    accounts: Mapping[str, MercadoLibre],
    api: ApiClient,
    publisher: Publisher,
    database: Database,
    seeds: Seeds,
) -> dict[str, Worker]:
    """What runs beside the consumer, as the settings say."""
    workers: dict[str, Worker] = {}
    if config.seeds.batch:
        workers["seeds"] = SeedWorker(seeds, config.seeds.every, config.seeds.batch).run
    numbered = {
        one.account: (int(one.client_id), int(one.user_id)) for one in config.accounts if one.client_id.isdecimal()
    }
    if config.missed.every_seconds and numbered:
        missed = MissedNotifications(config.kafka, database, publisher, _feeds(numbered, accounts), numbered)
        workers["missed"] = MissedWorker(missed, config.missed.every, lambda: api.breaker.state).run
    for one in config.accounts:
        if one.account not in numbered:
            log.warning("its missed notifications are not looked for: its client_id is no number", account=one.account)
    return workers


def _feeds(numbered: Mapping[str, tuple[int, int]], accounts: Mapping[str, MercadoLibre]) -> list[MissedFeeds]:
    """A feed for each application: it tells of all its users."""
    by_application: defaultdict[int, list[MercadoLibre]] = defaultdict(list)
    for name, (application, _) in numbered.items():
        by_application[application].append(accounts[name])
    return [MissedFeeds(application, users) for application, users in by_application.items()]
