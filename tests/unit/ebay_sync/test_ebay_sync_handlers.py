"""Which notifications are answered, whose they are, and what becomes of those that fail."""

from datetime import timedelta
from pathlib import Path

import pytest

from libs.bus.outcome import ErrorClass, Ignore, Reject, Retry, Wait
from libs.http.client import ApiClient, ApiSettings
from libs.http.errors import (
    ApiError,
    Blocked,
    CircuitOpen,
    Garbage,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from libs.marketplaces.ebay.client import Ebay
from libs.oauth.tokens import TokensAway
from services.ebay_sync.config import Account
from services.ebay_sync.fates import fate_of
from services.ebay_sync.handlers import HANDLERS, IGNORED
from services.ebay_sync.sellers import Seller, Sellers
from tests.ebay_account import AnyToken

README = Path(__file__).parents[3] / "services" / "ebay_sync" / "README.md"


def test_the_readme_names_every_topic() -> None:
    text = README.read_text(encoding="utf-8")
    assert not HANDLERS.keys() & IGNORED.keys()
    assert [topic for topic in (*HANDLERS, *IGNORED) if f"`{topic}`" not in text] == []


def seller(name: str, destination: str | None = None, username: str | None = None) -> Seller:
    told = Account(
        account=name,
        user_id="7",
        client_id="c",
        client_secret="s",
        refresh_token="r",
        destination=destination,
        username=username,
    )
    return Seller.of(told, Ebay(ApiClient("ebay", ApiSettings(base_url="http://127.0.0.1:9")), AnyToken()))


def test_whose_a_notification_is() -> None:
    one, other, alone = seller("a", "main", "ana"), seller("b", "main", "bea"), seller("c")
    sellers = Sellers([one, other, alone])
    assert sellers.notified_at("main", "bea") == (other,)
    assert sellers.notified_at("main", None) == (one, other)
    assert sellers.notified_at("main", "an immutable id") == (one, other)
    assert sellers.notified_at("c", "whoever") == (alone,)
    assert sellers.notified_at("elsewhere", "ana") == ()


SOON = timedelta(seconds=3)


@pytest.mark.parametrize(
    ("error", "fate", "detail"),
    [
        (NotFound("x", "404"), Ignore, None),
        (Blocked("x", "403"), Retry, ErrorClass.POLICY),
        (Unauthorized("x", "401"), Wait, timedelta(minutes=1)),
        (TokensAway("x", "no token", retry_after=SOON), Wait, SOON),
        (RateLimited("x", "429", retry_after=SOON), Wait, SOON),
        (CircuitOpen("x", "open", retry_after=SOON), Wait, SOON),
        (Unavailable("x", "503"), Retry, ErrorClass.DEPENDENCY),
        (Garbage("x", "html"), Retry, ErrorClass.POISON),
        (Refused("x", "400"), Reject, ErrorClass.CONTRACT),
    ],
)
def test_every_error_has_a_fate(error: ApiError, fate: type[Exception], detail: object) -> None:
    found = fate_of(error)
    assert type(found) is fate
    if isinstance(found, Retry | Reject):
        assert found.error_class is detail
    if isinstance(found, Wait):
        assert found.after == detail


def test_what_is_missing_is_looked_for_while_it_is_young() -> None:
    found = fate_of(NotFound("x", "404"), SOON)
    assert isinstance(found, Retry)
    assert found.after == SOON
