"""Where deliveries arrive: a marketplace, an account, a form of answers; found from a request's target."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from libs.marketplaces.contract import WebhookVerifier
from schemas.deliveries.delivery_decided import Decision
from services.webhook_gateway.answers import Form, mercadolibre_answer, problem_answer
from services.webhook_gateway.reception import Reception
from services.webhook_gateway.verdict import Verdict, taken

MERCADOLIBRE = "mercadolibre"
WEBHOOKS = "/webhooks/{marketplace}"
OWN = "/mercadolibre/webhook"
_UNKNOWN_MOST_BYTES = 1024 * 1024


class Marketplace:
    """A configured marketplace with what is computed once for it.

    `patience`, in seconds: until an answer is given, `margin` before the marketplace's deadline, or `longest_wait`.
    """

    def __init__(
        self, verifier: WebhookVerifier, accounts: frozenset[str], margin: timedelta, longest_wait: timedelta
    ) -> None:
        self.verifier = verifier
        self.contract = verifier.contract
        self.name = verifier.contract.marketplace
        self.accounts = accounts
        self.patience = min(verifier.contract.deadline - margin, longest_wait).total_seconds()
        self.deadline = verifier.contract.deadline.total_seconds()
        self.reception = Reception(verifier.contract)
        self.accepted: Verdict = taken(verifier.contract, Decision.ACCEPTED)
        self.duplicate: Verdict = taken(verifier.contract, Decision.DUPLICATE)


class Place(NamedTuple):
    """What a target means. `marketplace` is None where none of this name is configured.

    `account` is as it was sent, `known_account` the same if it is a configured one.
    """

    route: str
    form: Form
    marketplace: Marketplace | None
    account: str | None = None
    secret: str | None = None
    query: bytes = b""
    known_account: str | None = None

    @property
    def most_bytes(self) -> int:
        return self.marketplace.contract.max_body_bytes if self.marketplace else _UNKNOWN_MOST_BYTES


class Places:
    """Finds the place of a target."""

    def __init__(self, marketplaces: Mapping[str, Marketplace]) -> None:
        self.marketplaces = marketplaces

    def fixed(self) -> Iterator[tuple[bytes, Place]]:
        """The targets that most deliveries come to: configured ones, without secret and query."""
        for name, marketplace in self.marketplaces.items():
            for path in (f"/webhooks/{name}", *(f"/webhooks/{name}/{one}" for one in marketplace.accounts)):
                yield path.encode(), self._known(path.encode())
        yield OWN.encode(), self._known(OWN.encode())

    def find(self, target: bytes) -> Place | None:
        """The place that a POST's target means, None if it is no webhook's."""
        path, _, query = target.partition(b"?")
        parts = path.split(b"/")
        if parts[0] or not all(parts[1:]) or b"{" in path or b"}" in path or b"#" in target:
            return None
        told = [_text(part) for part in parts[1:]]
        if told[:2] == ["mercadolibre", "webhook"] and len(told) <= 3:
            secret = told[2] if len(told) == 3 else None
            route = OWN + ("/{secret}" if secret is not None else "")
            return Place(route, mercadolibre_answer, self.marketplaces.get(MERCADOLIBRE), None, secret, query)
        if told[0] != "webhooks" or not 2 <= len(told) <= 4:
            return None
        route = WEBHOOKS + ("", "/{account}", "/{account}/{secret}")[len(told) - 2]
        account, secret = (*told[2:], None, None)[:2]
        marketplace = self.marketplaces.get(told[1])
        known = account if marketplace is not None and account in marketplace.accounts else None
        return Place(route, problem_answer, marketplace, account, secret, query, known)

    def _known(self, path: bytes) -> Place:
        place = self.find(path)
        if place is None:
            raise RuntimeError(f"no place at {path!r}, although its marketplace and account are configured")
        return place


def _text(part: bytes) -> str:
    return (unquote_to_bytes(part) if b"%" in part else part).decode("utf-8", "surrogateescape")
