"""Whoever publishes facts about people gives its publisher what seals them."""

import ast

import pytest

from schemas.event import Fact
from schemas.registry import EVENTS
from schemas.topics import topics
from tests.contract.test_replays import own, tree

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
