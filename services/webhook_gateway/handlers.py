"""Deciding about a delivery: verified, named, published once; the answer is the marketplace's own."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic_core import from_json

from libs.bus.message import Outgoing
from libs.marketplaces.contract import BadPayload, Contract, Delivery, Notification, Refused, WebhookVerifier
from schemas.deliveries.delivery_decided import Decision
from schemas.envelope import Header
from schemas.webhooks.webhook_received import HTTP_HEADER_PREFIX, WebhookReceivedV1
from services.webhook_gateway.intake import Intake, NotTakenIn
from services.webhook_gateway.verdict import Verdict, absence, refusal

NAMESPACE = uuid5(NAMESPACE_URL, "urn:sellstream:webhook")

_LONGEST = 512  # characters of a name in a Kafka header or key; no marketplace's ids come near it


class Gateway:
    """Decides about the deliveries of the configured marketplaces."""

    def __init__(self, verifiers: Mapping[str, WebhookVerifier], intake: Intake, retry_after: timedelta) -> None:
        self.verifiers = verifiers
        self._intake = intake
        self._retry_after = retry_after

    async def decide(self, verifier: WebhookVerifier, delivery: Delivery, until: float) -> Verdict:
        """The fate of one delivery, decided by `until` (the loop's time)."""
        contract = verifier.contract
        notification = None
        try:
            notification = await verified(verifier, delivery, until)
            check_json(delivery.body)
            identity = webhook_id(contract.marketplace, notification)
            outgoing = received(contract, notification, delivery, identity)
            new = await self._intake.take_in(identity, outgoing, len(delivery.body), until)
        except Refused as refused:
            verdict = refusal(refused)
        except NotTakenIn as error:
            verdict = absence(error.reason, error.detail, self._retry_after)
        else:
            decision = Decision.ACCEPTED if new else Decision.DUPLICATE
            answer = contract.answer
            verdict = Verdict(decision, answer.status, body=answer.body, webhook_id=str(identity))
        if notification is None:
            return verdict
        return replace(verdict, account=notification.account, notification_topic=notification.topic)


async def verified(verifier: WebhookVerifier, delivery: Delivery, until: float) -> Notification:
    """The proved and named delivery; raise Refused, or NotTakenIn when a key does not come in time."""
    try:
        async with asyncio.timeout_at(until):
            return checked(await verifier.verify(delivery))
    except TimeoutError:
        raise NotTakenIn("cannot_verify", "The proof could not be checked in time.") from None


def webhook_id(marketplace: str, notification: Notification) -> UUID:
    """The id of a delivery's event: the same for all its retries, everywhere."""
    return uuid5(NAMESPACE, f"{marketplace}:{notification.account}:{notification.delivery_id}")


def received(contract: Contract, notification: Notification, delivery: Delivery, identity: UUID) -> Outgoing:
    """The event of a delivery, with the HTTP headers that its proof depends on."""
    fact = WebhookReceivedV1(
        marketplace=contract.marketplace,
        account=notification.account,
        delivery_id=notification.delivery_id,
        notification_topic=notification.topic,
        resource=notification.resource,
        subject=f"{contract.marketplace}:{notification.account}:{notification.subject}",
        body=delivery.body,
    )
    kept: list[Header] = [
        (HTTP_HEADER_PREFIX + name, delivery.headers[name].encode())
        for name in contract.kept_headers
        if name in delivery.headers
    ]
    return Outgoing(fact, id=str(identity), time=delivery.received_at, headers=kept)


def checked(notification: Notification) -> Notification:
    """A notification whose names fit into a record's key and headers; raise BadPayload."""
    names = (notification.delivery_id, notification.topic, notification.subject, notification.resource)
    for name in names:
        if name is not None and (not 0 < len(name) <= _LONGEST or not name.isprintable()):
            raise BadPayload("An identifier in the body is empty, too long, or not printable.")
    return notification


def check_json(body: bytes) -> None:
    """Raise BadPayload unless the body is a JSON object that every reader of the topic can read (RFC 8259, UTF-8)."""
    try:
        value = from_json(body, allow_inf_nan=False, cache_strings="none")
    except ValueError:
        raise BadPayload("The body is not JSON, or nested too deeply.") from None
    if not isinstance(value, dict):
        raise BadPayload("The body is not a JSON object.")
