"""Square's event notifications: HMAC-SHA256 over the registered URL and the body."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from libs.marketplaces.accounts import Accounts, Secret
from libs.marketplaces.contract import (
    AccountSettings,
    Answer,
    BadSignature,
    Contract,
    Delivery,
    Http,
    Marketplace,
    Notification,
    UnknownAccount,
)
from libs.marketplaces.json_object import identifier, is_identifier, read_object
from libs.marketplaces.proof import HmacSha256Keys, proof_header

SIGNATURE = "x-square-hmacsha256-signature"
LEGACY_SIGNATURE = "x-square-signature"

CONTRACT = Contract(
    marketplace="square",
    success=frozenset(range(200, 300)),
    answer=Answer(200, {"ok": True}),
    deadline=timedelta(seconds=10),
    retries="Up to 11 retries within 24 hours, at growing distances from 1 minute to 8 hours, then dropped.",
    kept_headers=(
        SIGNATURE,
        "square-environment",
        "square-initial-delivery-timestamp",
        "square-retry-number",
        "square-retry-reason",
    ),
    read_headers=(LEGACY_SIGNATURE,),
)


class SquareAccount(AccountSettings):
    """A webhook subscription and the merchants that it is about.

    `notification_url` is the registered URL, character for character; it is never derived from the request, because a
    proxy changes that. `signature_keys` are several while a key is being replaced.
    """

    notification_url: str = Field(pattern=r"^https?://[\x21-\x7e]+$", max_length=2048)
    signature_keys: tuple[Secret, ...] = Field(min_length=1, max_length=5)
    merchant_ids: frozenset[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]] = Field(min_length=1)


class SquareWebhook:
    """Verifies deliveries against the subscriptions' keys, then finds the merchant's account."""

    contract = CONTRACT

    def __init__(self, accounts: Sequence[SquareAccount]) -> None:
        self._accounts = Accounts(accounts)
        self._keys = {
            one.account: HmacSha256Keys(
                (key.get_secret_value().encode() for key in one.signature_keys), one.notification_url.encode()
            )
            for one in accounts
        }

    def verify(self, delivery: Delivery) -> Notification:
        candidates, body = self._accounts.candidates(delivery.account), delivery.body
        if SIGNATURE not in delivery.headers and LEGACY_SIGNATURE in delivery.headers:
            raise BadSignature(f"Only the legacy {LEGACY_SIGNATURE} was sent; it proves too little (SHA-1).")
        given = proof_header(delivery, SIGNATURE)
        proved = [account for account in candidates if self._keys[account.account].prove_base64(body, given)]
        if not proved:
            raise BadSignature(f"{SIGNATURE} does not match the registered URL and the body.")
        payload = read_object(body)
        merchant = identifier(payload.get("merchant_id"), "merchant_id")
        for account in proved:
            if merchant in account.merchant_ids:
                break
        else:
            raise UnknownAccount("No configured account has this merchant.")
        topic = identifier(payload.get("type"), "type", 200)
        return Notification(
            account=account.account,
            delivery_id=identifier(payload.get("event_id"), "event_id"),
            topic=topic,
            subject=f"{merchant}:{_entity(topic, payload.get('data'))}",
        )


def _entity(topic: str, data: Any) -> str:
    """What an event is about: its type without the verb, and the entity's id.

    `data.id` of inventory counts and catalog versions is the id of the message, not of anything that lasts: counts are
    ordered by their catalog object, catalog versions by the merchant.
    """
    kind = topic.rpartition(".")[0] or topic
    if not isinstance(data, dict) or kind == "catalog.version":
        return kind
    found = _counted(data.get("object")) if kind == "inventory.count" else data.get("id")
    return f"{kind}:{found}" if isinstance(found, str) and is_identifier(found, 100) else kind


def _counted(told: Any) -> str | None:
    counts = told.get("inventory_counts") if isinstance(told, dict) else None
    if not isinstance(counts, list):
        return None
    objects = [count.get("catalog_object_id") if isinstance(count, dict) else None for count in counts]
    first = objects[0] if objects else None
    return first if isinstance(first, str) and all(one == first for one in objects) else None


def _verifier(accounts: Sequence[SquareAccount], _http: Http) -> SquareWebhook:
    return SquareWebhook(accounts)


MARKETPLACE = Marketplace(CONTRACT.marketplace, SquareAccount, _verifier)
