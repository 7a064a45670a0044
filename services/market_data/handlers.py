"""What a webhook of Notion leads to: a run that reads the page that it names, at once; or another named fate.

An event tells no content, only that something has changed. So a run that has not begun yet serves all events of its
page, and an event that comes twice makes one run: its id is the event's.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from libs.bus.message import Outgoing, Received
from libs.bus.outcome import ErrorClass, Ignore, Reject, Wait
from libs.db.errors import DatabaseAway, NotMigrated
from libs.marketplaces.notion.webhook import CONTRACT
from schemas.webhooks.webhook_received import WebhookReceivedV1
from services.market_data.run import Fate, Item, Kind
from services.market_data.runs import Runs

AGAIN = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Deps:
    """`destination`: the gateway's name of the endpoint that Notion's webhooks come to; None: whichever."""

    runs: Runs
    destination: str | None
    user_id: str


async def on_webhooks(batch: Sequence[Received], deps: Deps) -> list[Outgoing]:
    """Webhooks of one key, oldest first."""
    begun, ignored = 0, []
    for received in batch:
        told = _page(received, deps)
        if told is None:
            ignored.append(_why(received))
            continue
        try:
            if await deps.runs.waits(Kind.NOTION_PAGE, told):
                ignored.append("a run that has not begun reads the page, anyway")
                continue
            items = [Item(1, told, None, Fate.WAITING)]
            made = await deps.runs.start(
                Kind.NOTION_PAGE, "webhook", user_id=deps.user_id, items=items, run_id=_run_id(received)
            )
        except (DatabaseAway, NotMigrated) as error:
            raise Wait(str(error), AGAIN) from error
        begun += made is not None
    if not begun:
        raise Ignore("; ".join(dict.fromkeys(ignored)) or "the event is known")
    return []


def _page(received: Received, deps: Deps) -> str | None:
    """The page that an event names; None where it is ignored. Raises Reject."""
    hint = received.fact
    if not isinstance(hint, WebhookReceivedV1):
        raise Reject(f"{received.envelope.type} is no webhook", ErrorClass.CONTRACT)
    if hint.marketplace != CONTRACT.marketplace or deps.destination not in (None, hint.account):
        return None
    if hint.notification_topic in IGNORED:
        return None
    if hint.notification_topic not in HANDLED:
        topic = hint.notification_topic[:80]
        raise Reject(f"the event {topic!r} is unknown: add it to HANDLED or IGNORED", ErrorClass.CONTRACT)
    page_id = hint.subject.removeprefix(f"{hint.marketplace}:{hint.account}:page:")
    if page_id == hint.subject or not page_id:
        raise Reject(f"{hint.notification_topic} names no page", ErrorClass.CONTRACT)
    return page_id


def _why(received: Received) -> str:
    hint = received.fact
    assert isinstance(hint, WebhookReceivedV1)
    if hint.marketplace != CONTRACT.marketplace:
        return f"a delivery of {hint.marketplace}"
    return f"{hint.notification_topic}: {IGNORED.get(hint.notification_topic, 'another endpoint')}"


def _run_id(received: Received) -> str:
    """By the event's own id, so that whoever is given it again begins nothing new."""
    hint = received.fact
    assert isinstance(hint, WebhookReceivedV1)
    return f"notion_page_{hashlib.sha256(hint.delivery_id.encode()).hexdigest()[:24]}"


HANDLED = frozenset(
    {
        "page.created",
        "page.properties_updated",
        "page.content_updated",
        "page.moved",
        "page.deleted",
        "page.undeleted",
    }
)

IGNORED: Mapping[str, str] = {
    "page.locked": "a lock changes no sale",
    "page.unlocked": "a lock changes no sale",
    **dict.fromkeys(
        ("comment.created", "comment.updated", "comment.deleted"),
        "comments are no sales",
    ),
    **dict.fromkeys(
        (
            "database.created",
            "database.content_updated",
            "database.moved",
            "database.deleted",
            "database.undeleted",
            "database.schema_updated",
            "data_source.created",
            "data_source.content_updated",
            "data_source.moved",
            "data_source.deleted",
            "data_source.undeleted",
            "data_source.schema_updated",
        ),
        "pages are told of one by one, and read all by the schedule",
    ),
}
