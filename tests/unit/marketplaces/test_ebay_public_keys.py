"""eBay's keys: fetched once, remembered, and never asked for by the thousand."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from libs.marketplaces.contract import Unreachable
from libs.marketplaces.ebay.key_service import BETWEEN_GRANTS, KeyService
from libs.marketplaces.ebay.public_keys import AWAY, FRESH, MOST, STRANGERS, UNKNOWN, KeyAway, PublicKeys, UnknownKey
from libs.marketplaces.ebay.signature import PublicKey
from tests.webhook_examples import RecordedHttp, example

BASE = example("ebay", "marketplace_account_deletion__published_vector")
(KEY_REQUEST,) = [request for request in BASE.http if request.startswith("GET ")]
(TOKEN_REQUEST,) = [request for request in BASE.http if request.startswith("POST ")]
KEY_ID = KEY_REQUEST.rpartition("/")[2]
RECORD = BASE.http[KEY_REQUEST][1]
KEY = PublicKey.read(RECORD)


@dataclass
class Clock:
    """Seconds that pass when the test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Source:
    """A key service in memory: `found` decides about each id; `gate` holds answers back until it is set."""

    found: Callable[[str], PublicKey | None] = lambda _: KEY
    asked: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, key_id: str) -> PublicKey | None:
        self.asked.append(key_id)
        await self.gate.wait()
        return self.found(key_id)

    def opened(self) -> "Source":
        self.gate.set()
        return self


def away(_key_id: str) -> PublicKey | None:
    raise KeyAway("no answer")


async def test_a_key_is_fetched_once_an_hour() -> None:
    clock, source = Clock(), Source().opened()
    keys = PublicKeys(source, clock)
    for moment in (0.0, 1.0, FRESH - 1.0):
        clock.now = 1000.0 + moment
        assert await keys.get("a") is KEY
    assert source.asked == ["a"]
    clock.now = 1000.0 + FRESH
    assert await keys.get("a") is KEY
    assert source.asked == ["a", "a"]


async def test_many_that_wait_for_one_key_cost_one_request() -> None:
    source = Source()
    keys = PublicKeys(source, Clock())
    waiting = [asyncio.create_task(keys.get("a")) for _ in range(50)]
    await asyncio.sleep(0)
    source.gate.set()
    assert await asyncio.gather(*waiting) == [KEY] * 50
    assert source.asked == ["a"]


async def test_one_that_gives_up_does_not_end_what_the_others_wait_for() -> None:
    source = Source()
    keys = PublicKeys(source, Clock())
    first, second = asyncio.create_task(keys.get("a")), asyncio.create_task(keys.get("a"))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    source.gate.set()
    assert await second is KEY
    assert source.asked == ["a"]


async def test_a_key_that_is_not_there_is_asked_for_once_a_minute() -> None:
    clock, source = Clock(), Source(lambda _: None).opened()
    keys = PublicKeys(source, clock)
    for _ in range(3):
        with pytest.raises(UnknownKey):
            await keys.get("a")
    assert source.asked == ["a"]
    clock.now += UNKNOWN
    source.found = lambda _: KEY
    assert await keys.get("a") is KEY


async def test_a_service_that_fails_is_left_alone_for_a_moment() -> None:
    clock, source = Clock(), Source(away).opened()
    keys = PublicKeys(source, clock)
    for _ in range(3):
        with pytest.raises(KeyAway, match="no answer"):
            await keys.get("a")
    assert source.asked == ["a"]
    clock.now += AWAY
    source.found = lambda _: KEY
    assert await keys.get("a") is KEY


async def test_a_known_key_that_cannot_be_fetched_anew_is_away() -> None:
    clock, source = Clock(), Source().opened()
    keys = PublicKeys(source, clock)
    await keys.get("a")
    clock.now += FRESH
    source.found = away
    with pytest.raises(KeyAway):
        await keys.get("a")


async def test_invented_ids_make_no_flood_and_do_not_touch_known_keys() -> None:
    clock, source = Clock(), Source(lambda key_id: KEY if key_id == "good" else None).opened()
    keys = PublicKeys(source, clock)
    assert await keys.get("good") is KEY
    refusals = []
    for number in range(1000):
        with pytest.raises((UnknownKey, KeyAway)) as refused:
            await keys.get(f"invented-{number}")
        refusals.append(refused.type)
    assert len(source.asked) == STRANGERS
    assert refusals.count(UnknownKey) == STRANGERS - 1
    assert await keys.get("good") is KEY
    clock.now += FRESH
    for number in range(STRANGERS + 1):
        with pytest.raises((UnknownKey, KeyAway)):
            await keys.get(f"again-{number}")
    assert await keys.get("good") is KEY, "a known key is fetched anew whatever strangers do"
    clock.now += 60.0
    with pytest.raises(UnknownKey):
        await keys.get("invented-later")


async def test_the_cache_is_bounded() -> None:
    clock, source = Clock(), Source().opened()
    keys = PublicKeys(source, clock)
    for number in range(MOST + 1):
        clock.now += 7.0  # slower than the strangers' limit
        await keys.get(f"key-{number}")
        await keys.get("key-1" if number else "key-0")
    asked = len(source.asked)
    await keys.get("key-1")
    assert len(source.asked) == asked, "used all the time, so it is still there"
    clock.now += 60.0
    await keys.get("key-0")
    assert len(source.asked) == asked + 1, "the one that was not used for the longest time is gone"


def service(http: RecordedHttp, clock: Clock) -> KeyService:
    return KeyService(http, "https://api.ebay.com/", "made-up-client", "made-up-secret", clock)


def answers(**change: Any) -> dict[str, Any]:
    """The example's answers, with the `key` or `token` replaced."""
    return {
        KEY_REQUEST: change.get("key", BASE.http[KEY_REQUEST]),
        TOKEN_REQUEST: change.get("token", BASE.http[TOKEN_REQUEST]),
    }


async def test_a_key_is_asked_for_with_an_application_token() -> None:
    http, clock = RecordedHttp(answers()), Clock()
    keys = service(http, clock)
    assert await keys.fetch_key(KEY_ID) == await keys.fetch_key(KEY_ID)
    (token, key, again) = http.asked
    assert (token[0], key[0], again[0]) == (TOKEN_REQUEST, KEY_REQUEST, KEY_REQUEST)
    basic = base64.b64encode(b"made-up-client:made-up-secret").decode()
    assert token[1]["Authorization"] == f"Basic {basic}"
    assert token[1]["Content-Type"] == "application/x-www-form-urlencoded"
    scope = "https%3A%2F%2Fapi.ebay.com%2Foauth%2Fapi_scope"
    assert token[2] == f"grant_type=client_credentials&scope={scope}".encode()
    assert key[1]["Authorization"] == "Bearer made-up-token"


async def test_a_token_is_replaced_before_it_ends() -> None:
    http, clock = RecordedHttp(answers()), Clock()
    keys = service(http, clock)
    await keys.fetch_key(KEY_ID)
    clock.now += 7200 - 61
    await keys.fetch_key(KEY_ID)
    assert [asked[0] for asked in http.asked].count(TOKEN_REQUEST) == 1
    clock.now += 1
    await keys.fetch_key(KEY_ID)
    assert [asked[0] for asked in http.asked].count(TOKEN_REQUEST) == 2


async def test_many_at_once_share_one_token() -> None:
    http = RecordedHttp(answers())
    keys = service(http, Clock())
    await asyncio.gather(*(keys.fetch_key(KEY_ID) for _ in range(5)))
    assert [asked[0] for asked in http.asked].count(TOKEN_REQUEST) == 1


@pytest.mark.parametrize(
    "token",
    [
        [401, {"error": "invalid_client"}],
        [200, None],
        [200, []],
        [200, {"access_token": "x"}],
        [200, {"access_token": 7, "expires_in": 7200}],
        [500, None],
    ],
)
async def test_a_token_that_is_not_granted_is_not_asked_for_again_at_once(token: Any) -> None:
    http, clock = RecordedHttp(answers(token=token)), Clock()
    keys = service(http, clock)
    for _ in range(3):
        with pytest.raises(KeyAway) as refused:
            await keys.fetch_key(KEY_ID)
        assert refused.value.retry_after == timedelta(seconds=BETWEEN_GRANTS)
    assert len(http.asked) == 1
    http.answers = answers()
    clock.now += BETWEEN_GRANTS
    assert await keys.fetch_key(KEY_ID) is not None


async def test_a_revoked_token_is_replaced() -> None:
    http, clock = RecordedHttp(answers()), Clock()
    keys = service(http, clock)
    await keys.fetch_key(KEY_ID)
    http.answers = answers(key=[401, None])
    with pytest.raises(KeyAway, match="401"):
        await keys.fetch_key(KEY_ID)
    http.answers = answers(token=[200, {"access_token": "second", "expires_in": 7200}])
    clock.now += BETWEEN_GRANTS
    assert await keys.fetch_key(KEY_ID) is not None
    assert http.asked[-1][1]["Authorization"] == "Bearer second"


@pytest.mark.parametrize("key", [[500, None], [429, {}], [200, None], [200, {"key": "x"}], [302, None]])
async def test_an_answer_without_a_key_means_that_it_is_away(key: Any) -> None:
    with pytest.raises(KeyAway):
        await service(RecordedHttp(answers(key=key)), Clock()).fetch_key(KEY_ID)


async def test_404_means_that_there_is_none() -> None:
    assert await service(RecordedHttp(answers(key=[404, {}])), Clock()).fetch_key(KEY_ID) is None


async def test_a_network_that_fails_is_away_and_costs_no_grant() -> None:
    http, clock = RecordedHttp({}), Clock()
    keys = service(http, clock)
    with pytest.raises(KeyAway, match="does not answer") as refused:
        await keys.fetch_key(KEY_ID)
    assert isinstance(refused.value.__cause__, Unreachable)
    http.answers = answers()
    assert await keys.fetch_key(KEY_ID) is not None
