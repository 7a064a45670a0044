"""StockX's stand-in: goods and prices from the seed, limits that hold, operations that end in their order."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sandbox.clock import Clock
from services.sandbox.stockx.book import Book
from services.sandbox.stockx.catalogue import Catalogue
from services.sandbox.stockx.errors import Refusal
from services.sandbox.stockx.goods import FAMILY, product
from services.sandbox.stockx.limits import Meter
from services.sandbox.stockx.prices import RATES, Prices
from services.sandbox.stockx.records import Listing
from services.sandbox.stockx.switches import Switches

START = datetime(2026, 6, 5, 12, tzinfo=UTC)
CATALOGUE = Catalogue(seed=1, size=64)


def standing_clock(speed: float = 1.0) -> Clock:
    """A clock that only goes on when it is told to."""
    return Clock(START, speed, monotonic=lambda: 0.0)


# --- Goods and prices


def test_goods_follow_from_the_seed():
    assert product(1, 5) == product(1, 5)
    assert product(1, 5).id != product(2, 5).id
    assert [product(seed, 0).style_id for seed in (1, 2)] == ["HQ4276", "HQ4276"]
    assert len(CATALOGUE.products) == 64
    assert len(CATALOGUE.variants) == sum(len(each.variants) for each in CATALOGUE.products.values())


def test_a_gtin_has_a_right_check_digit():
    for gtin in CATALOGUE.by_gtin:
        assert len(gtin) == 12
        assert (3 * sum(map(int, gtin[::2])) + sum(map(int, gtin[1::2]))) % 10 == 0
        assert CATALOGUE.search(gtin) == [CATALOGUE.by_gtin[gtin][0]]


def test_a_search_for_a_style_finds_it_and_its_family():
    for number in range(2 * FAMILY, 4 * FAMILY):
        told = product(1, number)
        if told.style_id is None:
            continue
        found = CATALOGUE.search(told.style_id.lower().replace("-", " "))
        assert told in found
        assert len(found) > 1


@given(st.text(max_size=100))
def test_any_query_is_answered(query):
    assert len(CATALOGUE.search(query)) <= 64


def test_prices_move_by_the_hour_and_bids_stay_below_asks():
    prices = Prices(1)
    told = product(1, 1)
    for currency in RATES:
        seen = {prices.quote(told, told.variants[0], START + timedelta(hours=hour), currency) for hour in range(72)}
        assert len(seen) > 10
        assert all(each.ask is None or each.bid is None or each.ask > each.bid for each in seen)
    within = [prices.quote(told, told.variants[0], START + timedelta(minutes=minute)) for minute in (0, 59)]
    assert within[0] == within[1]


# --- Limits


def allowed(meter: Meter, switches: Switches) -> bool:
    try:
        meter.request(switches)
    except Refusal:
        return False
    return True


@given(st.lists(st.floats(0, 3), max_size=60))
@settings(deadline=None)
def test_no_two_requests_are_let_through_within_a_second(waits):
    clock = standing_clock()
    meter, granted = Meter(clock), []
    for wait in waits:
        clock.advance(timedelta(seconds=wait))
        if allowed(meter, Switches()):
            granted.append(clock.now())
    assert all(later - earlier >= timedelta(seconds=1, microseconds=-5) for earlier, later in pairwise(granted))
    assert meter.requests_today == len(granted)


@given(st.lists(st.tuples(st.floats(0, 120), st.integers(1, 300)), max_size=40))
@settings(deadline=None)
def test_no_five_minutes_have_more_than_five_hundred_items(sent):
    clock = standing_clock()
    meter, granted = Meter(clock), []
    for wait, amount in sent:
        clock.advance(timedelta(seconds=wait))
        try:
            meter.items(amount, Switches())
        except Refusal:
            continue
        granted.append((clock.now(), amount))
    for end, _ in granted:
        inside = [amount for when, amount in granted if end - timedelta(minutes=5) < when <= end]
        assert sum(inside) <= 500


def test_a_day_ends_at_midnight_of_utc():
    clock = standing_clock(speed=60)
    meter = Meter(clock)
    meter.use(requests=24_999, items=None)
    assert allowed(meter, Switches())
    clock.advance(timedelta(seconds=2))
    with pytest.raises(Refusal) as refused:
        meter.request(Switches())
    assert refused.value.answer.status == 429
    assert refused.value.answer.headers["Retry-After"] == "720"  # twelve hours at sixty times the speed
    clock.advance(timedelta(hours=12))
    assert allowed(meter, Switches())
    assert meter.shown() == {"requests_today": 1, "items_today": 0, "refused": {"requests a day": 1}}


# --- Operations


def listing_in(book: Book) -> Listing:
    told = product(1, 0)
    return book.add("seller", (told, told.variants[0]), {"amount": "100"}, book.settle())


@given(
    kinds=st.lists(st.sampled_from(["ACTIVATE", "DEACTIVATE", "UPDATE", "DELETE"]), max_size=12),
    waits=st.lists(st.floats(0, 40), min_size=12, max_size=12),
    failing=st.sampled_from([0.0, 0.3]),
)
@settings(deadline=None)
def test_operations_end_one_after_another_and_the_last_successful_one_is_the_state(kinds, waits, failing):
    clock = standing_clock()
    switches = Switches(failing=failing, system=0)
    book = Book(1, clock, lambda: switches)
    listing = listing_in(book)
    for number, (kind, wait) in enumerate(zip(["CREATE", *kinds], waits, strict=False)):
        book.begin(listing, kind, {"amount": str(100 + number)} if kind == "UPDATE" else {}, book.settle())
        clock.advance(timedelta(seconds=wait))
    clock.advance(timedelta(days=1))
    book.settle()
    ends = [each.ends for each in listing.operations]
    assert ends == sorted(ends)
    assert all(each.ended and (each.error is None) is (each.status == "SUCCEEDED") for each in listing.operations)
    done = [each.kind for each in listing.operations if each.status == "SUCCEEDED" and each.kind != "UPDATE"]
    states = {"CREATE": "ACTIVE", "ACTIVATE": "ACTIVE", "DEACTIVATE": "INACTIVE", "DELETE": "DELETED"}
    assert listing.status == (states[done[-1]] if done else "DELETED")
    assert (listing.ask is not None) is (listing.status == "ACTIVE")
    changed = [each.wants["amount"] for each in listing.operations if each.kind == "UPDATE" and each.error is None]
    assert listing.amount == (changed[-1] if changed else "100")


def test_the_same_requests_have_the_same_fates():
    told = []
    for _ in range(2):
        switches = Switches(failing=0.5)
        book = Book(7, standing_clock(), lambda switches=switches: switches)
        listing = listing_in(book)
        told.append(
            [
                (each.id, each.ends, each.doomed)
                for each in (book.begin(listing, "UPDATE", {}, START) for _ in range(20))
            ]
        )
    assert told[0] == told[1]
    assert {doomed is None for _, _, doomed in told[0]} == {True, False}


def test_stockx_takes_some_asks_down_by_itself():
    clock = standing_clock()
    switches = Switches(failing=0, system=1)
    book = Book(1, clock, lambda: switches)
    listing = listing_in(book)
    book.begin(listing, "CREATE", {}, book.settle())
    for seconds in (60, 600, 60):
        clock.advance(timedelta(seconds=seconds))
        book.settle()
    assert [(each.kind, each.by) for each in listing.operations] == [("CREATE", "USER"), ("DEACTIVATE", "SYSTEM")]
    assert listing.status == "INACTIVE"


def test_switches_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="longest_operation"):
        Switches(shortest_operation=5, longest_operation=1)
