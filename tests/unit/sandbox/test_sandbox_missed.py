"""What missed_feeds shows of a notification that was lost."""

from datetime import UTC, datetime, timedelta

from services.sandbox.clock import Clock
from services.sandbox.delivery import Delivery, Outcome
from services.sandbox.mercadolibre.missed import MissedFeeds
from services.sandbox.mercadolibre.notices import Notices
from services.sandbox.notice import Notice, Raw

START = datetime(2026, 6, 5, 12, tzinfo=UTC)


def lost(notice: Notice, outcome: Outcome) -> Delivery:
    return Delivery(1, "mercadolibre", notice, attempts=[outcome] * 8)


def test_a_slow_200_is_shown_with_its_time() -> None:
    missed = MissedFeeds(Clock(START), "https://example.test/hook")
    notice = Notices(1, 6456467593800000, quirks=0).made("orders_v2", "/orders/1", 34308, START)
    slow = Outcome(START, START, "0" * 64, 200, 0.6214, False, "http_timeout", '{"ok":true}', (("Server", "x"),))
    missed.add(lost(notice, slow))
    (message,) = missed.found("orders_v2")
    assert message["response"] == {"req_time": 621, "http_code": 200, "body": {"ok": True}, "headers": {"Server": "x"}}
    assert message["attempts"] == 8
    assert message["_id"] == notice.id
    assert missed.found("shipments") == []


def test_no_answer_at_all_is_shown_as_code_0() -> None:
    missed = MissedFeeds(Clock(START), "https://example.test/hook")
    notice = Notices(1, 6456467593800000, quirks=0).made("orders_v2", "/orders/1", 34308, START)
    missed.add(lost(notice, Outcome(START, START, "0" * 64, None, 2.0, False, "http_timeout")))
    assert missed.found(None)[0]["response"]["http_code"] == 0


def test_broken_bytes_are_not_kept_and_the_rest_is_forgotten_after_two_days() -> None:
    clock = Clock(START, monotonic=lambda: 0.0)
    missed = MissedFeeds(clock, "https://example.test/hook")
    outcome = Outcome(START, START, "0" * 64, 500, 0.1, False, "http_error", "plain words")
    missed.add(lost(Raw("garbage_json", b"{"), outcome))
    assert missed.found(None) == []
    missed.add(lost(Notices(1, 1, quirks=0).made("items", "/items/MLM1", 1, START), outcome))
    clock.advance(timedelta(days=2))
    assert missed.found(None)[0]["response"]["body"] == "plain words"
    clock.advance(timedelta(seconds=1))
    assert missed.found(None) == []
