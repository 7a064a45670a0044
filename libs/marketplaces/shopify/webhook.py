"""Shopify's webhooks: HMAC-SHA256 over the body; what names the delivery stands in unsigned headers."""

import base64
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import Field

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
from libs.marketplaces.proof import any_same, hmac_sha256, proof_header

SIGNATURE = "x-shopify-hmac-sha256"
DELIVERY_ID = "x-shopify-webhook-id"
TOPIC = "x-shopify-topic"
SHOP_DOMAIN = "x-shopify-shop-domain"

CONTRACT = Contract(
    marketplace="shopify",
    success=frozenset(range(200, 300)),
    answer=Answer(200, {"ok": True}),
    deadline=timedelta(seconds=5),
    retries="8 retries within 4 hours; then a subscription made through the Admin API is deleted.",
    kept_headers=(
        SIGNATURE,
        DELIVERY_ID,
        TOPIC,
        SHOP_DOMAIN,
        "x-shopify-event-id",
        "x-shopify-triggered-at",
        "x-shopify-api-version",
    ),
)


class ShopifyAccount(AccountSettings):
    """A shop and the secrets of the app that is installed in it: several while a secret is being replaced."""

    shop_domain: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com$")
    secrets: tuple[Secret, ...] = Field(min_length=1, max_length=5)


class ShopifyWebhook:
    """Verifies deliveries against the app's secrets, then checks that the shop is the account's."""

    contract = CONTRACT

    def __init__(self, accounts: Sequence[ShopifyAccount]) -> None:
        self._accounts = Accounts(accounts)

    def verify(self, delivery: Delivery) -> Notification:
        candidates = self._accounts.candidates(delivery.account)
        given = proof_header(delivery, SIGNATURE)
        proved = [account for account in candidates if any_same(_expected(account, delivery.body), [given])]
        if not proved:
            raise BadSignature(f"{SIGNATURE} does not match the body.")
        shop = identifier(delivery.headers.get(SHOP_DOMAIN), SHOP_DOMAIN).lower()
        account = next((one for one in proved if one.shop_domain == shop), None)
        if account is None:
            raise UnknownAccount("No configured account has this shop.")
        topic = identifier(delivery.headers.get(TOPIC), TOPIC)
        return Notification(
            account=account.account,
            delivery_id=identifier(delivery.headers.get(DELIVERY_ID), DELIVERY_ID),
            topic=topic,
            subject=_entity(topic, read_object(delivery.body)),
        )


def _expected(account: ShopifyAccount, body: bytes) -> list[bytes]:
    return [base64.b64encode(hmac_sha256(one.get_secret_value().encode(), body)) for one in account.secrets]


def _entity(topic: str, payload: Mapping[str, Any]) -> str:
    """What a delivery is about: its topic without the verb, and the entity's id; inventory levels have no id."""
    kind = topic.partition("/")[0]
    for name in ("id", "inventory_item_id"):
        value = payload.get(name)
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if isinstance(text, str) and is_identifier(text, 100):
            return f"{kind}:{text}"
    return kind


def _verifier(accounts: Sequence[ShopifyAccount], _http: Http) -> ShopifyWebhook:
    return ShopifyWebhook(accounts)


MARKETPLACE = Marketplace(CONTRACT.marketplace, ShopifyAccount, _verifier)
