"""Missed notifications, taken in as if the webhook had received them: once each, by one replica at a time.

Each gets the id that the gateway would have given it. It is published to `webhooks` unless it was looked at before
(`ops.missed_notifications`) or stands in the topic already: MercadoLibre counts an answer that came too late as missed,
and the gateway's spool may have delivered it since. A crash between the publication and its note publishes it once
more, under the same id; the enricher then reads the same state, whose fact has the same id again.
"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_tail
from libs.db.locks import try_lock
from libs.db.pool import Connection, Database
from libs.marketplaces.contract import Notification, Refused
from libs.marketplaces.identity import delivery_event_id
from libs.marketplaces.mercadolibre.missed import MissedFeeds
from libs.marketplaces.mercadolibre.webhook import CONTRACT, MercadoLibreAccount, MercadoLibreWebhook
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import MISSED_DELIVERIES, MISSED_LAST_SUCCESS, MISSED_RUNS
from schemas.envelope import Header
from schemas.webhooks.webhook_received import EVENT as RECEIVED
from schemas.webhooks.webhook_received import WebhookReceivedV1
from services.mercadolibre_enricher.fallbacks import missed_store
from services.mercadolibre_enricher.fallbacks.missed_store import Decided, Outcome

log = get_logger()

MARKETPLACE = CONTRACT.marketplace
LOCK = "mercadolibre missed notifications"

ORIGIN: Header = ("ce_origin", b"missed_feeds")
"""CloudEvents extension of what came in this way; what the gateway received has none."""

_BEFORE = timedelta(hours=2)
"""How long before the oldest of them the topic is searched: attempts go on for an hour, clocks differ."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    event_id: str
    fact: WebhookReceivedV1
    received_at: datetime


@dataclass(slots=True)
class Recovered:
    """What a reading of the feeds found. `refused`: entries that are no notification of an account of ours."""

    found: int = 0
    published: int = 0
    received: int = 0
    known: int = 0
    refused: int = 0


class MissedNotifications:
    """Reads the feeds of all applications that the configured accounts belong to."""

    def __init__(
        self,
        kafka: KafkaSettings,
        database: Database,
        publisher: Publisher,
        feeds: Sequence[MissedFeeds],
        accounts: Mapping[str, tuple[int, int]],
        *,
        most_in_topic: int = 200_000,
    ) -> None:
        """`accounts`: application and user by our name of the account. `most_in_topic`: searched in each partition."""
        self._kafka = kafka
        self._database = database
        self._publisher = publisher
        self._feeds = feeds
        self._webhook = MercadoLibreWebhook(
            [
                MercadoLibreAccount(account=name, user_ids=frozenset({user}), application_id=application)
                for name, (application, user) in accounts.items()
            ]
        )
        self._most = most_in_topic

    async def recover(self, trigger: str) -> Recovered | None:
        """Take in what was missed; None if another replica is doing it now.

        Raises ApiError, DatabaseAway, NotPublished, TopicUnreadable: what was taken in until then stays, and the next
        call goes on.
        """
        began = time.perf_counter()
        outcome = "failed"
        found = Recovered()
        try:
            async with self._database.own_connection(LOCK) as connection:
                if not await try_lock(connection, LOCK):
                    outcome = "elsewhere"
                    return None
                await self._recover(connection, found)
            outcome = "done"
            MISSED_LAST_SUCCESS.labels(MARKETPLACE).set_to_current_time()
            return found
        finally:
            MISSED_RUNS.labels(MARKETPLACE, outcome).inc()
            log.info(
                "missed notifications",
                outcome=outcome,
                trigger=trigger,
                feeds=len(self._feeds),
                found=found.found,
                published=found.published,
                received=found.received,
                known=found.known,
                refused=found.refused,
                milliseconds=round((time.perf_counter() - began) * 1000, 3),
            )

    async def _recover(self, connection: Connection, found: Recovered) -> None:
        candidates = {one.event_id: one async for one in self._candidates(found)}
        known = await missed_store.known(connection, candidates)
        found.known = len(known)
        _count("known", len(known))
        new = [one for name, one in candidates.items() if name not in known]
        if new:
            there = await self._in_topic(min(one.received_at for one in new) - _BEFORE)
            for one in sorted(new, key=lambda each: each.received_at):
                await self._take_in(connection, one, there, found)
        await missed_store.forget_old(connection)

    async def _candidates(self, found: Recovered) -> AsyncIterator[_Candidate]:
        now = datetime.now(UTC)
        for feed in self._feeds:
            async for entry in feed.all():
                found.found += 1
                if entry.missed is None:
                    self._refuse(found, entry.problem or "it is no object")
                    continue
                delivery = entry.missed.delivery(now)
                try:
                    notification = self._webhook.verify(delivery)
                except Refused as error:
                    self._refuse(found, error.reason)
                    continue
                fact = _received(notification, delivery.body)
                event_id = delivery_event_id(MARKETPLACE, notification.account, notification.delivery_id)
                yield _Candidate(event_id, fact, delivery.received_at)

    async def _in_topic(self, since: datetime) -> set[str]:
        """The ids of what was published since then."""
        there: set[str] = set()
        async for record in read_tail(self._kafka, RECEIVED.topic, since=since, most_per_partition=self._most):
            there.update(value.decode("latin-1") for name, value in record.headers if name == "ce_id" and value)
        return there

    async def _take_in(self, connection: Connection, one: _Candidate, there: set[str], found: Recovered) -> None:
        outcome: Outcome = "received"
        if one.event_id not in there:
            outgoing = Outgoing(one.fact, id=one.event_id, time=one.received_at, headers=(ORIGIN,))
            await self._publisher.publish(outgoing, within=30)
            outcome = "published"
            found.published += 1
        else:
            found.received += 1
        fact = one.fact
        decided = Decided(one.event_id, fact.account, fact.notification_topic, fact.resource, outcome)
        await missed_store.remember(connection, decided)
        _count(outcome, 1)

    def _refuse(self, found: Recovered, why: str) -> None:
        found.refused += 1
        _count("refused", 1)
        log.debug("an entry of missed_feeds is left out", reason=why)


def _received(notification: Notification, body: bytes) -> WebhookReceivedV1:
    """The fact that the gateway would have made of it."""
    return WebhookReceivedV1(
        marketplace=MARKETPLACE,
        account=notification.account,
        delivery_id=notification.delivery_id,
        notification_topic=notification.topic,
        resource=notification.resource,
        subject=f"{MARKETPLACE}:{notification.account}:{notification.subject}",
        body=body,
    )


def _count(outcome: str, number: int) -> None:
    MISSED_DELIVERIES.labels(MARKETPLACE, outcome).inc(number)
