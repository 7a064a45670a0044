"""`topic.yaml`: what it may say, and what the broker is told."""

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from pydantic import ValidationError

from libs.marketplaces import MARKETPLACES
from schemas.topics import Topic, dead_letter_topic, topics

PLAIN: dict[str, Any] = {
    "name": "orders",
    "description": "d",
    "key": "{id}",
    "partitions": 6,
    "retention": "forever",
    "producers": ["a_service"],
}


def test_forever_and_days_become_milliseconds() -> None:
    assert Topic(**PLAIN).config()["retention.ms"] == "-1"
    assert Topic(**{**PLAIN, "retention": "7d"}).config()["retention.ms"] == str(7 * 86_400_000)
    assert Topic(**{**PLAIN, "retention": "0.5d"}).config()["retention.ms"] == str(43_200_000)


@pytest.mark.parametrize(
    "change",
    [
        {"retention": "a while"},
        {"retention": "xd"},
        {"partitions": 0},
        {"name": "Orders"},
        {"name": "or.ders"},
        {"cleanup_policy": "shred"},
        {"consumer": ["misspelt"]},
        {"producers": None},
    ],
    ids=str,
)
def test_a_wrong_declaration_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Topic(**{**PLAIN, **change})


def test_every_consumer_has_dead_letters_that_are_kept() -> None:
    declared = topics()
    for topic in list(declared.values()):
        for consumer in topic.dead_lettering:
            dead = declared[dead_letter_topic(consumer)]
            assert dead.producers == (consumer,)
            assert dead.config()["retention.ms"] == str(timedelta(days=28) // timedelta(milliseconds=1))


def test_fact_topics_keep_everything() -> None:
    for name in ("orders", "shipments", "payments", "questions", "listings"):
        config = topics()[name].config()
        assert (config["cleanup.policy"], config["retention.ms"]) == ("delete", "-1")


def test_what_people_wrote_to_a_webhook_is_gone_within_thirty_days() -> None:
    """A segment goes as a whole, `retention.ms` after its newest record, and takes records for `segment.ms`."""
    config = topics()["webhooks"].config()
    assert int(config["retention.ms"]) + int(config["segment.ms"]) < 30 * 24 * 3600 * 1000


def test_the_largest_body_that_a_marketplace_may_send_fits_into_the_topic() -> None:
    """With 64 KiB for what else a record holds: a request's headers have 16 KiB at most, ours a few names."""
    contracts = [import_module(f"libs.marketplaces.{name}.webhook").CONTRACT for name in MARKETPLACES]
    largest = max(contract.max_body_bytes for contract in contracts)
    assert largest + 64 * 1024 <= int(topics()["webhooks"].config()["max.message.bytes"])
    assert "max.message.bytes" not in topics()["orders"].config(), "the broker's own holds"


def test_dots_and_underscores_do_not_meet() -> None:
    metric_names = [name.replace(".", "_") for name in topics()]
    assert len(set(metric_names)) == len(metric_names)
    assert dead_letter_topic("order_projector") == "order-projector-dlt"
