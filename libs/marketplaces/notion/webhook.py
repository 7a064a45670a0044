"""Notion's webhooks: HMAC-SHA256 over the body, with the token that Notion sends once, when the URL is registered.

That first request has no signature. What it brings is the key of all later proofs, so it goes into no topic and no log:
it is written to the account's file, for its owner to paste into Notion's form, and the request is answered.
"""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, model_validator

from libs.marketplaces.accounts import Accounts, Secret
from libs.marketplaces.contract import (
    AccountSettings,
    Answer,
    Answered,
    BadPayload,
    BadSignature,
    Contract,
    Delivery,
    Http,
    Marketplace,
    Notification,
    UnknownAccount,
)
from libs.marketplaces.json_object import identifier, read_object
from libs.marketplaces.proof import any_same, hmac_sha256, proof_header

SIGNATURE = "x-notion-signature"
VERIFICATION_TOKEN = "verification_token"  # noqa: S105  (a field's name)
_LONGEST_TOKEN = 512

CONTRACT = Contract(
    marketplace="notion",
    success=frozenset(range(200, 300)),
    answer=Answer(200, {"ok": True}),
    deadline=timedelta(seconds=10),
    retries="Up to 8 attempts, with growing pauses, within some 24 hours.",
    kept_headers=(SIGNATURE,),
)


class NotionAccount(AccountSettings):
    """A webhook subscription of an integration.

    Its token is told as `verification_token`, or stands in `token_file`, into which the gateway writes it when Notion
    sends it. Then the URL needs a `path_secret`: whoever came first could send a token of his own.
    """

    verification_token: Secret | None = None
    token_file: Path | None = None
    path_secret: Annotated[SecretStr, Field(min_length=16, max_length=256)] | None = None

    @model_validator(mode="after")
    def _some_token(self) -> Self:
        if self.verification_token is None and (self.token_file is None or self.path_secret is None):
            raise ValueError("it needs a verification_token, or a token_file and a path_secret")
        return self


class NotionWebhook:
    """Verifies deliveries with each account's token."""

    contract = CONTRACT

    def __init__(self, accounts: Sequence[NotionAccount]) -> None:
        self._accounts = Accounts(accounts)
        self._tokens = {one.account: _token(one) for one in accounts}

    def verify(self, delivery: Delivery) -> Notification:
        candidates = [one for one in self._accounts.candidates(delivery.account) if _let_in(one, delivery.secret)]
        if not candidates:
            raise UnknownAccount("The URL's last part is not the one that was registered.")
        if SIGNATURE not in delivery.headers:
            self._take_token(candidates, delivery)
        given = proof_header(delivery, SIGNATURE)
        proved = [one for one in candidates if self._proves(one, delivery.body, given)]
        if not proved:
            raise BadSignature(f"{SIGNATURE} does not match the body.")
        payload = read_object(delivery.body)
        kind, entity_id = _entity(payload.get("entity"))
        return Notification(
            account=proved[0].account,
            delivery_id=identifier(payload.get("id"), "id"),
            topic=identifier(payload.get("type"), "type", 200),
            subject=f"{kind}:{entity_id}",
            resource=f"/v1/{kind}s/{entity_id}",
        )

    def _proves(self, account: NotionAccount, body: bytes, given: str) -> bool:
        token = self._tokens[account.account]
        return token is not None and any_same([_signature(token, body)], [given])

    def _take_token(self, candidates: Sequence[NotionAccount], delivery: Delivery) -> None:
        """Keep the token that a first request brings; any other one without a signature is left to be refused."""
        waiting = [one for one in candidates if self._tokens[one.account] is None]
        if len(waiting) != 1:
            return
        told = read_object(delivery.body).get(VERIFICATION_TOKEN)
        if told is None:
            return
        if not isinstance(told, str) or not 8 <= len(told) <= _LONGEST_TOKEN or not told.isascii():
            raise BadPayload(f"{VERIFICATION_TOKEN} is no token.")
        (account,) = waiting
        assert account.token_file is not None  # its settings say so
        self._tokens[account.account] = _kept(account.token_file, told)
        raise Answered(f"The token is in {account.token_file.name}, for Notion's form.")


def _token(account: NotionAccount) -> str | None:
    if account.verification_token is not None:
        return account.verification_token.get_secret_value()
    file = account.token_file
    return file.read_text(encoding="ascii").strip() or None if file is not None and file.exists() else None


def _kept(file: Path, token: str) -> str:
    """Write the token for its owner's eyes; one that another process was told first stays."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text(encoding="ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(f"{token}\n")
        opened.flush()
        os.fsync(opened.fileno())
    return token


def _let_in(account: NotionAccount, secret: str | None) -> bool:
    if account.path_secret is None:
        return True
    return any_same([account.path_secret.get_secret_value().encode()], [secret or ""])


def _signature(token: str, body: bytes) -> bytes:
    return b"sha256=" + hmac_sha256(token.encode(), body).hex().encode()


def _entity(told: Any) -> tuple[str, str]:
    if not isinstance(told, dict):
        raise BadPayload("There is no entity.")
    return identifier(told.get("type"), "entity.type", 40), identifier(told.get("id"), "entity.id", 100)


def _verifier(accounts: Sequence[NotionAccount], _http: Http) -> NotionWebhook:
    return NotionWebhook(accounts)


MARKETPLACE = Marketplace(CONTRACT.marketplace, NotionAccount, _verifier)
