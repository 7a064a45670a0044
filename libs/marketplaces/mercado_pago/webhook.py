"""Mercado Pago's webhooks: HMAC-SHA256 over the payment's id, the request id and a time; the body is not signed."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from libs.marketplaces.accounts import Accounts, Secret
from libs.marketplaces.contract import (
    AccountSettings,
    Answer,
    BadPayload,
    BadSignature,
    Contract,
    Delivery,
    Http,
    Marketplace,
    Notification,
    UnknownAccount,
)
from libs.marketplaces.json_object import identifier, inner, read_object
from libs.marketplaces.proof import any_same, check_age, hmac_sha256, proof_header

SIGNATURE = "x-signature"
REQUEST_ID = "x-request-id"
DATA_ID = "data.id"

CONTRACT = Contract(
    marketplace="mercado_pago",
    success=frozenset({200, 201}),
    answer=Answer(200, {"ok": True}),
    deadline=timedelta(seconds=22),
    retries="Every 15 minutes; after the third attempt at growing distances, and on.",
    kept_headers=(SIGNATURE, REQUEST_ID),
)

AHEAD = timedelta(minutes=5)
"""How far their clock may be before ours."""

_TS = re.compile(r"[0-9]{1,13}")
_FIRST_MILLISECONDS = 10**11  # seconds reach it in the year 5138, milliseconds passed it in 1973
_RESOURCES = {"payment": "/v1/payments/", "order": "/v1/orders/"}
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class MercadoPagoAccount(AccountSettings):
    """The users whose payments an application is told of, and its secrets: several while one is being replaced.

    `tolerance` is the longest age of a signature. The default is the window in which the gateway recognises a
    repetition: what is older could be a replay that nothing recognises.
    """

    secrets: tuple[Secret, ...] = Field(min_length=1, max_length=5)
    user_ids: frozenset[Annotated[int, Field(gt=0, lt=2**63)]] = Field(min_length=1)
    tolerance: timedelta = Field(default=timedelta(hours=24), gt=timedelta(0), le=timedelta(days=30))


class MercadoPagoWebhook:
    """Verifies deliveries against the application's secrets, then finds the user's account."""

    contract = CONTRACT

    def __init__(self, accounts: Sequence[MercadoPagoAccount]) -> None:
        self._accounts = Accounts(accounts)

    def verify(self, delivery: Delivery) -> Notification:
        candidates = self._accounts.candidates(delivery.account)
        ts, given = _signature(proof_header(delivery, SIGNATURE))
        messages = _messages(delivery, ts)
        proved = [account for account in candidates if any_same(_expected(account, messages), given)]
        if not proved:
            raise BadSignature(f"{SIGNATURE} does not match {DATA_ID}, {REQUEST_ID} and ts.")
        payload = read_object(delivery.body)
        data_id = identifier(inner(payload, "data").get("id"), DATA_ID, 128)
        signed_id = delivery.query.get(DATA_ID)
        if signed_id and signed_id.lower() != data_id.lower():
            raise BadSignature(f"The body is about another {DATA_ID} than the signed one of the URL.")
        user_id = _user_id(payload)
        account = next((one for one in proved if user_id in one.user_ids), None)
        if account is None:
            raise UnknownAccount("No configured account has this user.")
        seconds = int(ts) / 1000 if int(ts) >= _FIRST_MILLISECONDS else int(ts)
        check_age(seconds, delivery, past=account.tolerance, future=AHEAD)
        topic = identifier(payload.get("type"), "type", 100)
        folder = _RESOURCES.get(topic)
        return Notification(
            account=account.account,
            delivery_id=_identity(payload, topic, data_id, ts),
            topic=topic,
            subject=f"{user_id}:{topic}:{data_id}",
            resource=folder + data_id if folder and _PLAIN_ID.fullmatch(data_id) else None,
        )


def _signature(header: str) -> tuple[str, list[str]]:
    """`ts` as it stands in `ts=…,v1=…`, and the v1 signature."""
    found: dict[str, str] = {}
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name in found:
            raise BadSignature(f"{SIGNATURE} holds {name[:20]!r} twice.")
        found[name] = value
    ts, given = found.get("ts", ""), found.get("v1", "")
    if not _TS.fullmatch(ts) or not given:
        raise BadSignature(f"{SIGNATURE} must hold ts (digits) and v1.")
    return ts, [given]


def _messages(delivery: Delivery, ts: str) -> list[bytes]:
    """The signed texts: with `data.id` as it stands in the URL and, as the later documentation says, in lower case.

    A value that is missing is left out together with its label.
    """
    data_id = delivery.query.get(DATA_ID, "")
    request_id = delivery.headers.get(REQUEST_ID, "")
    rest = (f"request-id:{request_id};" if request_id else "") + f"ts:{ts};"
    ids = dict.fromkeys((data_id, data_id.lower()))
    return [((f"id:{one};" if one else "") + rest).encode("utf-8", "surrogatepass") for one in ids]


def _expected(account: MercadoPagoAccount, messages: Sequence[bytes]) -> list[bytes]:
    keys = [secret.get_secret_value().encode() for secret in account.secrets]
    return [hmac_sha256(key, message).hex().encode() for key in keys for message in messages]


def _user_id(payload: Mapping[str, Any]) -> int:
    text = identifier(payload.get("user_id"), "user_id", 19)
    if not text.isascii() or not text.isdigit():
        raise BadPayload("user_id must be a whole number, or a text of digits.")
    return int(text)


def _identity(payload: Mapping[str, Any], topic: str, data_id: str, ts: str) -> str:
    """The notification's own id; without it, what changed and when (as far as the body tells, else the signature)."""
    if payload.get("id") is not None:
        return identifier(payload["id"], "id")
    action, created = payload.get("action"), payload.get("date_created")
    told = (
        topic,
        data_id,
        "" if action is None else identifier(action, "action"),
        f"ts:{ts}" if created is None else identifier(created, "date_created"),
    )
    return "sha256:" + hashlib.sha256("\n".join(told).encode()).hexdigest()


def _verifier(accounts: Sequence[MercadoPagoAccount], _http: Http) -> MercadoPagoWebhook:
    return MercadoPagoWebhook(accounts)


MARKETPLACE = Marketplace(CONTRACT.marketplace, MercadoPagoAccount, _verifier)
