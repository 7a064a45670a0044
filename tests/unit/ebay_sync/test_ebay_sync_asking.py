"""How a run asks: what concerns the whole account is waited for as long as the pace allows, and no longer."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import HttpUrl

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.http.client import ApiClient, ApiSettings
from libs.http.errors import ApiError, Later, RateLimited, Unavailable
from libs.marketplaces.ebay.client import Ebay
from libs.marketplaces.ebay.translate import Owner
from libs.oauth.tokens import TokensAway
from services.ebay_sync.config import Pace
from services.ebay_sync.journal import Journal, Stopped
from services.ebay_sync.presence import Presence
from services.ebay_sync.run import Counts, Kind, Mode, Place, Run, Status
from services.ebay_sync.stock import Stock
from services.ebay_sync.work import OF_THE_ACCOUNT, EbayAway, Work

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SOON = timedelta(milliseconds=1)
RUN = Run(
    run_id="offers_1234567890_abc123",
    kind=Kind.OFFERS,
    mode=Mode.FULL,
    account="acme",
    user_id="7",
    requested_by="user 7",
    retry_of=None,
    status=Status.RUNNING,
    error=None,
    created_at=NOW,
    began_at=NOW,
    ended_at=None,
    stop_requested_at=None,
    fence=1,
    place=Place(),
    counts=Counts(),
    last_event=0,
)


NOWHERE = HttpUrl("http://127.0.0.1:1")


class Token:
    """A token that never ends."""

    async def token(self) -> str:
        return "t"

    async def refresh(self, rejected: str) -> str:
        return rejected


def work_of(patience: timedelta) -> Work:
    """A run that neither eBay nor the database nor Kafka is reached by."""
    database = Database("postgresql://127.0.0.1:1/none", application="tests")
    journal = Journal(database, RUN, timedelta(seconds=15))
    ebay = Ebay(ApiClient("none", ApiSettings(base_url=NOWHERE)), Token())
    presence = Presence(RUN.kind, ebay, journal)
    stock = Stock(database, Publisher(KafkaSettings(bootstrap_servers="none"), "tests"), Owner("acme", "7"), RUN)
    pace = Pace(patience=patience)
    return Work(RUN, ebay, presence, stock, journal, database, pace, "sandbox")


class Answers:
    """Raises these errors, one at each call, then answers."""

    def __init__(self, *errors: ApiError) -> None:
        self.errors = list(errors)

    async def __call__(self, _ebay: Ebay) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "an answer"


@pytest.mark.parametrize("kind", [TokensAway, RateLimited])
async def test_what_every_call_would_meet_is_waited_for(kind: type[Later]) -> None:
    answer, _, _ = await work_of(timedelta(seconds=5)).asked(Answers(*[kind("GET /", "later", retry_after=SOON)] * 3))
    assert answer == "an answer"


@pytest.mark.parametrize("kind", [TokensAway, RateLimited])
async def test_and_then_fails_the_run_and_not_the_sku(kind: type[Later]) -> None:
    with pytest.raises(OF_THE_ACCOUNT):
        await work_of(timedelta(0)).asked(Answers(kind("GET /", "later")))


async def test_one_call_that_fails_is_not_waited_for_unless_the_run_needs_it() -> None:
    failing = Unavailable("GET /", "answered 500", status=500)
    with pytest.raises(Unavailable):
        await work_of(timedelta(seconds=5)).asked(Answers(failing))
    with pytest.raises(EbayAway, match=r"GET /: answered 500; waited for eBay 0 s\. .*sync again when eBay is back"):
        await work_of(timedelta(0)).asked(Answers(failing), needed=True)


async def test_stop_is_heard_while_it_is_waited_for() -> None:
    work = work_of(timedelta(hours=2))
    work.journal.stop()
    with pytest.raises(Stopped):
        await work.asked(Answers(RateLimited("GET /", "later", retry_after=timedelta(hours=1))))


async def test_calls_that_wait_at_the_same_time_say_it_once() -> None:
    work = work_of(timedelta(seconds=5))
    wait = RateLimited("GET /", "later", retry_after=timedelta(milliseconds=200))
    await asyncio.gather(*(work.asked(Answers(wait)) for _ in range(8)))
    assert work.journal.unwritten == ["⚠ Not now: asking again in 0.2 s (later)"]
