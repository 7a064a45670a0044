"""The recorded deliveries in `fixtures/marketplaces/<name>/<event>__<case>.json`, see README.md there."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from libs.marketplaces import MARKETPLACES
from libs.marketplaces.contract import Delivery, Notification, Refused, Unreachable, WebhookVerifier

FIXTURES = Path(__file__).parent / "fixtures" / "marketplaces"


@dataclass
class RecordedHttp:
    """Answers requests (`GET https://…`) with what is recorded, and remembers what it was asked."""

    answers: Mapping[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str], bytes | None]] = field(default_factory=list)

    async def request_json(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, Any]:
        request = f"{method} {url}"
        self.asked.append((request, headers, body))
        await asyncio.sleep(0)  # others run meanwhile, as they would over a network
        if request not in self.answers:
            raise Unreachable(f"nothing is recorded for {request}")
        status, answer = self.answers[request]
        return status, answer


@dataclass(frozen=True)
class Example:
    """One recorded delivery, and what must become of it: a notification or a refusal (status, reason)."""

    marketplace: str
    name: str
    settings: Mapping[str, Any]
    signed: tuple[str, ...]
    delivery: Delivery
    http: Mapping[str, Any]
    notification: Notification | None
    refused: tuple[int, str] | None

    def __str__(self) -> str:
        return f"{self.marketplace}/{self.name}"

    def verifier(self, settings: Mapping[str, Any] | None = None) -> WebhookVerifier:
        """A new verifier with the example's account; `settings` replace its own."""
        entry = MARKETPLACES[self.marketplace]
        account = entry.account_settings.model_validate({**self.settings, **(settings or {})})
        return entry.verifier([account], RecordedHttp(self.http))


def read_example(path: Path) -> Example:
    told = json.loads(path.read_text(encoding="utf-8"))
    request = told["request"]
    refused = told.get("refused")
    return Example(
        marketplace=path.parent.name,
        name=path.stem,
        settings=told["settings"],
        signed=tuple(told["signed"]),
        delivery=Delivery(
            body=request["body"].encode(),
            headers=request["headers"],
            query=request["query"],
            account=request["account"],
            secret=request["secret"],
            received=datetime.fromisoformat(request["received_at"]).timestamp(),
        ),
        http=told.get("http", {}),
        notification=Notification(**told["notification"]) if "notification" in told else None,
        refused=(refused["status"], refused["reason"]) if refused else None,
    )


def examples(marketplace: str) -> list[Example]:
    """All examples of a marketplace, by name."""
    return [read_example(path) for path in sorted((FIXTURES / marketplace).glob("*__*.json"))]


def example(marketplace: str, name: str) -> Example:
    return read_example(FIXTURES / marketplace / f"{name}.json")


async def fate(verifier: WebhookVerifier, delivery: Delivery) -> Notification | tuple[int, str]:
    """What becomes of a delivery: its notification, or the refusal's status and reason."""
    try:
        found = verifier.verify(delivery)
        return found if isinstance(found, Notification) else await found
    except Refused as refused:
        return refused.status, refused.reason


def changed_texts(text: str) -> Iterator[str]:
    """The text with one character changed, at each position in turn; what stands there stays plain ASCII."""
    for place, character in enumerate(text):
        yield text[:place] + ("A" if character != "A" else "B") + text[place + 1 :]
