"""Square's event notifications: HMAC-SHA256 over the registered URL and the body."""

from collections.abc import Sequence
from typing import Any, Final

from libs.marketplaces.accounts import Accounts
from libs.marketplaces.contract import BadSignature, Http, Marketplace, UnknownAccount
from libs.marketplaces.delivery import Delivery, Notification
from libs.marketplaces.json_object import identifier, is_identifier, read_object
from libs.marketplaces.proof import HmacSha256Keys, proof_header
from libs.marketplaces.square.account import CONTRACT, LEGACY_SIGNATURE, SIGNATURE, SquareAccount

_SIGNATURE: Final = SIGNATURE


class _Subscription:
    """What each delivery is checked against."""

    def __init__(self, account: SquareAccount) -> None:
        keys = [key.get_secret_value().encode() for key in account.signature_keys]
        self.account = account.account
        self.keys = HmacSha256Keys(keys, account.notification_url.encode())
        self.merchants = account.merchant_ids


class SquareWebhook:
    """Verifies deliveries against the subscriptions' keys, then finds the merchant's account."""

    def __init__(self, accounts: Sequence[SquareAccount]) -> None:
        self.contract = CONTRACT
        self._accounts = Accounts(accounts)
        self._named = {one.account: _Subscription(one) for one in accounts}
        self._all = list(self._named.values())

    def verify(self, delivery: Delivery) -> Notification:
        account, body, headers = delivery.account, delivery.body, delivery.headers
        candidates = self._all
        if account is not None:
            named = self._named.get(account)
            candidates = [self._named[self._accounts.only(account).account] if named is None else named]
        given = headers.get(_SIGNATURE)
        proved = [one for one in candidates if one.keys.prove_base64(body, given)] if given else []
        if not proved:
            raise _not_proved(delivery)
        payload = read_object(body)
        merchant = identifier(payload.get("merchant_id"), "merchant_id")
        meant = [one for one in proved if merchant in one.merchants]
        if not meant:
            raise UnknownAccount("No configured account has this merchant.")
        topic = identifier(payload.get("type"), "type", 200)
        return Notification(
            account=meant[0].account,
            delivery_id=identifier(payload.get("event_id"), "event_id"),
            topic=topic,
            subject=f"{merchant}:{_entity(topic, payload.get('data'))}",
        )


def _not_proved(delivery: Delivery) -> BadSignature:
    """What is wrong with the proof; nothing else was looked at."""
    if _SIGNATURE not in delivery.headers and LEGACY_SIGNATURE in delivery.headers:
        return BadSignature(f"Only the legacy {LEGACY_SIGNATURE} was sent; it proves too little (SHA-1).")
    proof_header(delivery, _SIGNATURE)
    return BadSignature(f"{SIGNATURE} does not match the registered URL and the body.")


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
