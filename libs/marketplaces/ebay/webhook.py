"""eBay's notifications: ECDSA with a published key; before the first one, a challenge."""

import hashlib
import re
from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from libs.marketplaces.accounts import Accounts, Secret
from libs.marketplaces.contract import (
    AccountSettings,
    Answer,
    BadPayload,
    BadSignature,
    CannotVerify,
    Contract,
    Delivery,
    Http,
    Marketplace,
    Notification,
)
from libs.marketplaces.ebay.key_service import KeyService
from libs.marketplaces.ebay.public_keys import KeyAway, PublicKeys, UnknownKey
from libs.marketplaces.ebay.signature import PublicKey, Signature, read_signature
from libs.marketplaces.json_object import identifier, inner, is_identifier, read_object
from libs.marketplaces.proof import proof_header

SIGNATURE = "x-ebay-signature"

CONTRACT = Contract(
    marketplace="ebay",
    success=frozenset({200, 201, 202, 204}),
    answer=Answer(200, {"ok": True}),
    deadline=timedelta(seconds=3),
    retries="Until acknowledged; after 24 hours without it the destination is marked down, with 30 days to repair it.",
    kept_headers=(SIGNATURE,),
)

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,80}")
_ENTITIES = (("order", "orderId"), ("item", "itemId"), ("item", "listingId"), ("user", "userId"), ("user", "username"))
"""What a notification may be about, the narrowest first: kind, and the name of its id in `notification.data`."""


def _is_verification_token(value: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(value.get_secret_value()):
        raise ValueError("a verification token is 32 to 80 letters, digits, '_' and '-'")
    return value


class EbayAccount(AccountSettings):
    """A destination of an application's notifications. `endpoint` is the registered URL, character for character."""

    endpoint: str = Field(pattern=r"^https?://[^\s?#]+$", max_length=2048)
    verification_token: Annotated[SecretStr, AfterValidator(_is_verification_token)]
    client_id: str = Field(pattern=r"^[\x21-\x39\x3b-\x7e]{1,256}$")
    client_secret: Secret
    base_url: str = Field(default="https://api.ebay.com", pattern=r"^https?://[^\s?#]+$")


class EbayWebhook:
    """Answers eBay's challenge and verifies its deliveries."""

    contract = CONTRACT

    def __init__(self, accounts: Sequence[EbayAccount], keys: Mapping[str, PublicKeys]) -> None:
        self._accounts = Accounts(accounts)
        self._keys = keys

    def verify(self, delivery: Delivery) -> Notification | Awaitable[Notification]:
        account = self._accounts.only(delivery.account)
        signature = read_signature(proof_header(delivery, SIGNATURE))
        key = self._keys[account.account].known(signature.key_id)
        if key is None:
            return self._verify_with_fetched_key(account, signature, delivery)
        return self._named(account, signature, key, delivery)

    async def _verify_with_fetched_key(
        self, account: EbayAccount, signature: Signature, delivery: Delivery
    ) -> Notification:
        try:
            key = await self._keys[account.account].get(signature.key_id)
        except UnknownKey:
            raise BadSignature("X-EBAY-SIGNATURE names a key that eBay does not have.") from None
        except KeyAway as error:
            raise CannotVerify(str(error), error.retry_after) from error
        return self._named(account, signature, key, delivery)

    def _named(self, account: EbayAccount, signature: Signature, key: PublicKey, delivery: Delivery) -> Notification:
        if not key.proves(signature.der, delivery.body):
            raise BadSignature("X-EBAY-SIGNATURE does not match the body.")
        payload = read_object(delivery.body)
        notification = inner(payload, "notification")
        delivery_id = identifier(notification.get("notificationId"), "notificationId")
        topic = identifier(inner(payload, "metadata").get("topic"), "topic", 100)
        return Notification(
            account=account.account,
            delivery_id=delivery_id,
            topic=topic,
            subject=_entity(notification.get("data")) or f"{topic}:{delivery_id}",
        )

    def answer_challenge(self, query: Mapping[str, str], account: str | None) -> Mapping[str, str]:
        """The proof that the endpoint is ours: SHA-256 over code, verification token and endpoint, in this order."""
        settings = self._accounts.only(account)
        code = query.get("challenge_code", "")
        if not is_identifier(code):
            raise BadPayload("challenge_code is missing, too long, or not printable.")
        told = code + settings.verification_token.get_secret_value() + settings.endpoint
        return {"challengeResponse": hashlib.sha256(told.encode()).hexdigest()}


def _entity(data: Any) -> str | None:
    if not isinstance(data, Mapping):
        return None
    for kind, name in _ENTITIES:
        value = data.get(name)
        if isinstance(value, str) and is_identifier(value, 200):
            return f"{kind}:{value}"
    return None


def _verifier(accounts: Sequence[EbayAccount], http: Http) -> EbayWebhook:
    keys = {
        one.account: PublicKeys(
            KeyService(http, one.base_url, one.client_id, one.client_secret.get_secret_value()).fetch_key
        )
        for one in accounts
    }
    return EbayWebhook(accounts, keys)


MARKETPLACE = Marketplace(CONTRACT.marketplace, EbayAccount, _verifier)
