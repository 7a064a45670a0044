"""What every marketplace that pushes webhooks must tell the gateway: how a delivery is proved, named and answered."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from libs.marketplaces.delivery import Delivery, Notification

__all__ = [
    "AccountSettings",
    "Answer",
    "Answered",
    "BadPayload",
    "BadSignature",
    "CannotVerify",
    "Challenger",
    "Contract",
    "Delivery",
    "Http",
    "Marketplace",
    "Notification",
    "Refused",
    "UnknownAccount",
    "Unreachable",
    "WebhookVerifier",
]


class AccountSettings(BaseModel):
    """One seller's account at a marketplace, as configured; each marketplace adds its own secrets and identifiers."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    account: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="Our name of the account; part of the URL")


class Refused(Exception):
    """The delivery is not taken in: `status` is the HTTP answer, `reason` a short fixed code, `detail` for people."""

    def __init__(self, status: int, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.detail = detail


class BadSignature(Refused):
    """The proof is missing, malformed, too old, or does not match the bytes. 401."""

    def __init__(self, detail: str) -> None:
        super().__init__(401, "bad_signature", detail)


class UnknownAccount(Refused):
    """No configured account is meant by this delivery. 404: a hostile sender learns nothing more."""

    def __init__(self, detail: str) -> None:
        super().__init__(404, "unknown_account", detail)


class BadPayload(Refused):
    """The body is not what this marketplace sends. 400."""

    def __init__(self, detail: str) -> None:
        super().__init__(400, "bad_payload", detail)


class CannotVerify(Refused):
    """The proof cannot be checked now (a public key cannot be fetched). 503: the marketplace shall come again."""

    def __init__(self, detail: str, retry_after: timedelta = timedelta(seconds=30)) -> None:
        super().__init__(503, "cannot_verify", detail)
        self.retry_after = retry_after


class Answered(Refused):
    """A request that is answered, and of which nothing may be stored, such as the key of later proofs. 200."""

    def __init__(self, detail: str) -> None:
        super().__init__(200, "answered", detail)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the marketplace is told when its delivery is durable: status and JSON body."""

    status: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Contract:
    """The written contract of one marketplace about its deliveries. Source: its documentation, named in its README.

    `success` are the statuses that the marketplace takes as success; `deadline` is how long it waits; `kept_headers`
    are stored with the event because the proof depends on them; a verifier is given these and `read_headers`.
    """

    marketplace: str
    success: frozenset[int]
    answer: Answer
    deadline: timedelta
    retries: str
    kept_headers: tuple[str, ...] = ()
    read_headers: tuple[str, ...] = ()
    max_body_bytes: int = 1024 * 1024
    content_types: frozenset[str] = field(default_factory=lambda: frozenset({"application/json"}))


class WebhookVerifier(Protocol):
    """Checks deliveries of one marketplace against its configured accounts."""

    contract: Contract

    def verify(self, delivery: Delivery) -> Notification | Awaitable[Notification]:
        """Prove and name a delivery; raise Refused (401, 404, 400, 503). Compares secrets in constant time.

        Answers at once where it can; what must ask the network first (for a public key) is awaited. Reads the body
        with `libs.marketplaces.json_object.read_object`: what is not strict JSON must not get into the topic.
        """
        ...


class Challenger(Protocol):
    """A marketplace that asks the endpoint to prove itself by a GET before it sends anything."""

    def answer_challenge(self, query: Mapping[str, str], account: str | None) -> Mapping[str, str]:
        """The JSON answer to the marketplace's challenge; raise Refused."""
        ...


class Unreachable(Exception):
    """A request of `Http` got no JSON answer: refused, too slow, too large, or not JSON. The text names the host."""


class Http(Protocol):
    """What verifiers that need keys may ask of the network. Bounds time and size; follows no redirect."""

    async def request_json(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of the answer, whatever the status (None where it has no body); raise Unreachable."""
        ...


@dataclass(frozen=True)
class Marketplace:
    """A row of the catalogue: how to build the verifier from the configured accounts.

    `verifier` takes instances of `account_settings`, at least one, and raises ValueError with a sentence for the
    operator where they contradict each other.
    """

    name: str
    account_settings: type[AccountSettings]
    verifier: Callable[[Sequence[Any], Http], WebhookVerifier]
