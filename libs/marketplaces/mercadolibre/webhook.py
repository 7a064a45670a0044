"""MercadoLibre's notifications: unsigned hints, let in by user, application and an optional secret in the URL."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, SecretStr, StringConstraints

from libs.marketplaces.accounts import Accounts
from libs.marketplaces.contract import (
    AccountSettings,
    Answer,
    BadPayload,
    Contract,
    Delivery,
    Http,
    Marketplace,
    Notification,
    Refused,
    UnknownAccount,
)
from libs.marketplaces.json_object import identifier, read_object
from libs.marketplaces.mercadolibre.resources import topic_name

CONTRACT = Contract(
    marketplace="mercadolibre",
    success=frozenset({200}),
    answer=Answer(200, {"ok": True}),
    deadline=timedelta(milliseconds=500),
    retries="Up to 8 attempts within 1 hour, then lost; a topic that fails often is disabled for the application.",
    max_body_bytes=64 * 1024,
)

_DIGITS = re.compile(r"[0-9]{1,19}")
_LONGEST_RESOURCE = 240


class MercadoLibreAccount(AccountSettings):
    """A seller's users under one application. `path_secret` is the last part of the URL that was registered."""

    user_ids: frozenset[Annotated[int, Field(gt=0, lt=2**63)]] = Field(min_length=1)
    application_id: int = Field(gt=0, lt=2**63)
    path_secret: Annotated[SecretStr, Field(min_length=16, max_length=256)] | None = None
    topics: frozenset[Annotated[str, StringConstraints(min_length=1)]] | None = Field(
        default=None, min_length=1, description="The topics that are subscribed to; without it every topic is taken in"
    )


class MercadoLibreWebhook:
    """Finds the account of a notification and names it. There is no signature to check."""

    contract = CONTRACT

    def __init__(self, accounts: Sequence[MercadoLibreAccount]) -> None:
        self._accounts = Accounts(accounts)
        self._by_user: dict[tuple[int, int], MercadoLibreAccount] = {}
        self._topics = {one.account: frozenset(map(topic_name, one.topics)) for one in accounts if one.topics}
        for one in accounts:
            for user_id in one.user_ids:
                other = self._by_user.setdefault((one.application_id, user_id), one)
                if other is not one:
                    raise ValueError(f"the accounts {other.account} and {one.account} share user {user_id}")

    def verify(self, delivery: Delivery) -> Notification:
        named = self._accounts.only(delivery.account) if delivery.account is not None else None
        if named is not None:
            _check_secret(named, delivery.secret)
        payload = read_object(delivery.body)
        user_id = _number(payload, "user_id")
        account = self._by_user.get((_number(payload, "application_id"), user_id))
        if account is None or (named is not None and account is not named):
            raise _unknown()
        if named is None:
            _check_secret(account, delivery.secret)
        topic = identifier(payload.get("topic"), "topic")
        subscribed = self._topics.get(account.account)
        if subscribed is not None and topic_name(topic) not in subscribed:
            raise Refused(404, "unknown_topic", "The account takes in no such topic.")
        resource = _resource(topic, payload.get("resource"))
        return Notification(
            account=account.account,
            delivery_id=_identity(payload, delivery, f"{user_id}\n{topic}\n{resource}"),
            topic=topic,
            subject=f"{user_id}:{resource}",
            resource=resource,
        )


def _unknown() -> UnknownAccount:
    """One text for every miss: a stranger does not learn which of user, application and secret was right."""
    return UnknownAccount("No such account is configured.")


def _check_secret(account: MercadoLibreAccount, given: str | None) -> None:
    """Raise UnknownAccount unless the URL's last part is the account's secret, or both are absent."""
    expected = account.path_secret
    if expected is None:
        if given is not None:
            raise _unknown()
        return
    told = (given or "").encode("utf-8", "surrogatepass")
    if not hmac.compare_digest(expected.get_secret_value().encode(), told):
        raise _unknown()


def _number(payload: Mapping[str, Any], name: str) -> int:
    """A number that some of the official samples write as a text."""
    value = payload.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    raise BadPayload(f"{name} must be a whole number, or a text of digits.")


def _resource(topic: str, value: object) -> str:
    """One form for `/orders/1` and `orders/1`; `messages` sends the bare id of a message."""
    path = identifier(value, "resource", _LONGEST_RESOURCE).strip().lstrip("/")
    if not path:
        raise BadPayload("resource must name something.")
    return f"/messages/{path}" if "/" not in path and topic_name(topic) == "messages" else f"/{path}"


def _identity(payload: Mapping[str, Any], delivery: Delivery, about: str) -> str:
    """`_id`, or `id` in the model with sub-topics; without either, what the delivery is about and when it was sent.

    Where not even a time is told, each arrival counts as a new delivery: a notification that is read twice costs one
    request, one that is taken for another is lost.
    """
    for name in ("_id", "id"):
        if _told(payload, name):
            return identifier(payload[name], name)
    for name in ("sent", "received", "recieved"):  # the last is MercadoLibre's own misspelling
        if _told(payload, name):
            moment = f"{name}\n{identifier(payload[name], name)}"
            break
    else:
        moment = f"arrived\n{delivery.received_at.isoformat()}"
    return "sha256:" + hashlib.sha256(f"{about}\n{moment}".encode()).hexdigest()


def _told(payload: Mapping[str, Any], name: str) -> bool:
    value = payload.get(name)
    return value is not None and value != ""


def _verifier(accounts: Sequence[MercadoLibreAccount], _http: Http) -> MercadoLibreWebhook:
    return MercadoLibreWebhook(accounts)


MARKETPLACE = Marketplace(CONTRACT.marketplace, MercadoLibreAccount, _verifier)
