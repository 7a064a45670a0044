"""Whoever publishes facts about people gives its publisher what seals them."""

import ast

import pytest

from schemas.event import Fact
from schemas.registry import EVENTS
from schemas.topics import topics
from tests.contract.test_replays import own, tree

_RAW = {"webhook.received"}
"""What is stored as it came."""

OF_PEOPLE = sorted({event.topic for event in EVENTS if event.versions[event.latest].person is not Fact.person})


@pytest.mark.parametrize("topic", OF_PEOPLE)
def test_every_producer_of_facts_about_people_seals_them(topic: str) -> None:
    for producer in topics()[topic].producers:
        calls = [
            node
            for module in own(producer)
            for node in ast.walk(tree(module))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Publisher"
        ]
        assert calls
        for call in calls:
            assert "seal" in {keyword.arg for keyword in call.keywords}, (
                f"{producer} publishes to {topic}: Publisher(…, seal=sealer), see libs/privacy/README.md"
            )


MONTH_MS = 30 * 24 * 3600 * 1000
SEALED_BY_NOBODY = sorted(
    {name for name in topics() if name.endswith("-dlt")} | {event.topic for event in EVENTS if event.name in _RAW}
)


@pytest.mark.parametrize("topic", SEALED_BY_NOBODY)
def test_what_nobody_can_seal_is_deleted_within_a_month(topic: str) -> None:
    """Whether or not its person is erased: by its age, and the day that Kafka takes for it."""
    config = topics()[topic].config()
    assert config["cleanup.policy"] == "delete"
    assert 0 < int(config["retention.ms"]) + int(config["segment.ms"]) < MONTH_MS


def test_raw_webhooks_are_gone_after_eight_days() -> None:
    config = topics()["webhooks"].config()
    assert int(config["retention.ms"]) + int(config["segment.ms"]) <= 8 * 24 * 3600 * 1000
