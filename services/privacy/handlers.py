"""Webhooks → erasures. Everything but account deletion notices is ignored.

| trouble                     | fate                                              |
|-----------------------------|---------------------------------------------------|
| PostgreSQL is away          | waits; nothing is lost                            |
| a notice that names nobody  | dead letter `contract`: eBay expects it to be done |
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from libs.bus.message import Outgoing, Received
from libs.bus.outcome import ErrorClass, Ignore, Reject, Wait
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.marketplaces.ebay import account_deletion as ebay
from libs.marketplaces.payload import Malformed
from libs.privacy.erasure import erase, person_of
from libs.telemetry.log import get_logger
from schemas.webhooks.webhook_received import WebhookReceivedV1

log = get_logger()

REASON = "the marketplace told that the user closed the account"
WAIT = timedelta(seconds=5)


async def on_webhooks(batch: Sequence[Received], database: Database) -> list[Outgoing]:
    """Erase whom the notices among these deliveries name."""
    notices = [found for received in batch if (found := _notice(received)) is not None]
    if not notices:
        raise Ignore("no account deletion notice")
    try:
        for marketplace, notice in notices:
            for person_id in notice.ids:
                person = person_of(marketplace, person_id)
                done = await erase(database, person, by="privacy", reason=REASON, notice=notice.notification_id)
                log.info("erased", notice=notice.notification_id, again=done is None, keys=done.keys if done else 0)
    except (DatabaseAway, NotMigrated) as error:
        raise Wait(f"nobody can be erased now: {error}", WAIT) from error
    return []


def _notice(received: Received) -> tuple[str, ebay.AccountDeletion] | None:
    delivery = received.fact
    if not isinstance(delivery, WebhookReceivedV1):
        raise Reject(f"{received.envelope.type} is no webhook", ErrorClass.CONTRACT)
    read = NOTICES.get((delivery.marketplace, delivery.notification_topic))
    if read is None:
        return None
    try:
        return delivery.marketplace, read(delivery.body)
    except Malformed as error:
        raise Reject(str(error), ErrorClass.CONTRACT) from None


NOTICES: Mapping[tuple[str, str], Callable[[bytes], ebay.AccountDeletion]] = {
    ("ebay", ebay.TOPIC): ebay.read_account_deletion,
}
"""How each marketplace tells that a user's data must go: its name, and its name of the notice."""
