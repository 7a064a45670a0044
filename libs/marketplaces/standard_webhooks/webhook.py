"""Any sender that follows Standard Webhooks 1.0: HMAC-SHA256 (v1) or Ed25519 (v1a) over id, time and body."""

import base64
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import AfterValidator, Field, SecretStr, model_validator

from libs.marketplaces.accounts import Accounts
from libs.marketplaces.contract import (
    AccountSettings,
    Answer,
    BadSignature,
    Contract,
    Delivery,
    Http,
    Marketplace,
    Notification,
)
from libs.marketplaces.json_object import identifier, is_identifier, read_object
from libs.marketplaces.proof import any_same, check_age, from_base64, hmac_sha256, proof_header

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"

CONTRACT = Contract(
    marketplace="standard_webhooks",
    success=frozenset(range(200, 300)),
    answer=Answer(200, {"ok": True}),
    deadline=timedelta(seconds=15),
    retries="The sender's own schedule; the specification recommends growing distances over several days.",
    kept_headers=(ID, TIMESTAMP, SIGNATURE),
)

MAX_SIGNATURES = 10
"""A header names one signature per key of the sender; more would only make us compute."""

_SECONDS = re.compile(r"[0-9]{1,12}")


def _is_secret(value: SecretStr) -> SecretStr:
    key = from_base64(value.get_secret_value().removeprefix("whsec_"))
    if key is None or not 24 <= len(key) <= 64:
        raise ValueError("a secret is `whsec_` and 24 to 64 bytes in base64")
    return value


def _is_public_key(value: str) -> str:
    key = from_base64(value.removeprefix("whpk_"))
    if not value.startswith("whpk_") or key is None or len(key) != 32:
        raise ValueError("a public key is `whpk_` and 32 bytes in base64")
    return value


class StandardWebhooksAccount(AccountSettings):
    """What a sender's deliveries are proved with: shared secrets, public keys, or both; several during rotation."""

    secrets: tuple[Annotated[SecretStr, AfterValidator(_is_secret)], ...] = Field(default=(), max_length=5)
    public_keys: tuple[Annotated[str, AfterValidator(_is_public_key)], ...] = Field(default=(), max_length=5)
    tolerance: timedelta = Field(default=timedelta(seconds=300), gt=timedelta(0), le=timedelta(days=7))

    @model_validator(mode="after")
    def _something_proves(self) -> "StandardWebhooksAccount":
        if not self.secrets and not self.public_keys:
            raise ValueError("at least one secret or public key is needed")
        return self


class _Keys:
    """An account's keys, decoded once."""

    def __init__(self, settings: StandardWebhooksAccount) -> None:
        self.settings = settings
        texts = [secret.get_secret_value().removeprefix("whsec_") for secret in settings.secrets]
        self._secrets = [base64.b64decode(text) for text in texts]
        self._public = [
            Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix("whpk_")))
            for key in settings.public_keys
        ]

    def prove(self, message: bytes, symmetric: Sequence[str], asymmetric: Sequence[bytes]) -> bool:
        """Whether one of the signatures is over the message, by one of the keys."""
        expected = (base64.b64encode(hmac_sha256(secret, message)) for secret in self._secrets)
        if symmetric and any_same(expected, symmetric):
            return True
        return any(_signed(key, signature, message) for key in self._public for signature in asymmetric)


class StandardWebhooksWebhook:
    """Verifies deliveries against the senders' keys; the key that fits tells the account."""

    contract = CONTRACT

    def __init__(self, accounts: Sequence[StandardWebhooksAccount]) -> None:
        self._accounts = Accounts(accounts)
        self._keys = {account.account: _Keys(account) for account in accounts}

    def verify(self, delivery: Delivery) -> Notification:
        candidates = self._accounts.candidates(delivery.account)
        delivery_id, timestamp = proof_header(delivery, ID), proof_header(delivery, TIMESTAMP)
        if not _SECONDS.fullmatch(timestamp):
            raise BadSignature(f"{TIMESTAMP} must be whole seconds since 1970.")
        symmetric, asymmetric = _signatures(proof_header(delivery, SIGNATURE))
        message = f"{delivery_id}.{timestamp}.".encode() + delivery.body
        for account in candidates:
            if self._keys[account.account].prove(message, symmetric, asymmetric):
                break
        else:
            raise BadSignature(f"No signature in {SIGNATURE} matches {ID}, {TIMESTAMP} and the body.")
        check_age(int(timestamp), delivery, past=account.tolerance, future=account.tolerance)
        payload = read_object(delivery.body)
        topic = identifier(payload.get("type", "message"), "type")
        data = payload.get("data")
        about = data.get("id") if isinstance(data, dict) else None
        return Notification(
            account=account.account,
            delivery_id=identifier(delivery_id, ID),
            topic=topic,
            subject=_entity(topic, about),
        )


def _signatures(header: str) -> tuple[list[str], list[bytes]]:
    """The header's v1 signatures as texts and its v1a signatures as bytes; other versions are left out."""
    symmetric: list[str] = []
    asymmetric: list[bytes] = []
    parts = header.split(" ")
    if len(parts) > MAX_SIGNATURES:
        raise BadSignature(f"{SIGNATURE} holds more than {MAX_SIGNATURES} signatures.")
    for part in parts:
        version, _, text = part.partition(",")
        if version == "v1":
            symmetric.append(text)
        elif version == "v1a" and (signature := from_base64(text)) is not None:
            asymmetric.append(signature)
    if not symmetric and not asymmetric:
        raise BadSignature(f"{SIGNATURE} holds no signature of version v1 or v1a.")
    return symmetric, asymmetric


def _signed(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _entity(topic: str, about: object) -> str:
    """`data.id` with the kind of entity; without it, all deliveries of that kind stay in order."""
    kind = topic.rpartition(".")[0] or topic
    text = str(about) if isinstance(about, int) and not isinstance(about, bool) else about
    return f"{kind}:{text}" if isinstance(text, str) and is_identifier(text, 100) else kind


def _verifier(accounts: Sequence[StandardWebhooksAccount], _http: Http) -> StandardWebhooksWebhook:
    return StandardWebhooksWebhook(accounts)


MARKETPLACE = Marketplace(CONTRACT.marketplace, StandardWebhooksAccount, _verifier)
