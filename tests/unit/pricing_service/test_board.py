"""A partition's board: whatever the order of changes, the state decides, and a restart changes nothing."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from libs.pricing.opportunities import Figures
from libs.pricing.product_state import (
    BuyOffer,
    Listing,
    ListingPart,
    MarketPart,
    MarketView,
    OfferPart,
    ProductPart,
)
from libs.pricing.quoting import Place
from services.pricing.board import Board
from services.pricing.messages import RatesTold, RuleTold, decode_about_product, encode
from tests.unit.pricing.making import DAY, cost_rule


def listing(price: str, currency: str = "USD") -> Listing:
    return Listing("amazon", "US", Decimal(price), Decimal(price) * 20, currency, date(2026, 1, 15))


MESSAGES = [
    (1, ProductPart("Electronics")),
    (1, OfferPart(1, BuyOffer(Decimal(100)))),
    (1, OfferPart(2, BuyOffer(Decimal(90)))),
    (1, OfferPart(2, None)),
    (1, ListingPart(1, listing("200"))),
    (1, ListingPart(2, listing("210", "MXN"))),
    (2, ProductPart("")),
    (2, OfferPart(1, BuyOffer(Decimal(100)))),
    (2, ListingPart(3, listing("120"))),
    (None, RuleTold(1, cost_rule())),
    (None, RuleTold(2, cost_rule(id=2, category="*", fee_percent=Decimal(0)))),
    (None, RuleTold(1, cost_rule(effective_from=date(2026, 11, 22)))),
    (None, RuleTold(2, None)),
    (None, RatesTold(date(2026, 11, 20), {"USD": Decimal("1.10"), "MXN": Decimal("21.4")})),
    (None, RatesTold(date(2026, 11, 19), {"USD": Decimal("1.05"), "MXN": Decimal("22")})),
]


def put(board: Board, key: int | None, message: Any) -> None:
    told = decode_about_product(encode(message))
    if key is None:
        board.share(told)
    else:
        board.change(key, told)


def everything(board: Board) -> dict[Place, Figures | None]:
    return {place: figures for some in board.everything(DAY) for place, figures in some}


@given(st.lists(st.tuples(st.sampled_from(MESSAGES), st.booleans()), max_size=40))
def test_what_is_held_ready_equals_what_a_new_worker_computes(steps: list[tuple[Any, bool]]) -> None:
    products: dict[str, bytes] = {}
    shared: dict[str, bytes] = {}
    board = Board(0, products, shared)
    for (key, message), look in steps:
        put(board, key, message)
        if look:
            assert everything(board) == everything(Board(0, products, shared))
    every = set[int]().union(*board.parts())
    assert dict(board.of_products(every, DAY)) == everything(Board(0, products, shared))
    changed = {key for (key, _), _ in steps if key is not None}
    assert dict(board.of_products(changed, DAY)) == everything(Board(0, products, shared))


def test_a_listing_does_not_compete_with_ours() -> None:
    board = Board(0, {}, {})
    for key, message in (*MESSAGES[:5], (1, ListingPart(2, listing("190"))), (1, ListingPart(4, listing("180")))):
        put(board, key, message)
    assert [each.price_usd for each in board.market(1, 1, DAY).competitors] == [Decimal(190), Decimal(180)]
    assert [each.price_usd for each in board.market(1, 1, DAY, {1, 4}).competitors] == [Decimal(190)]


def test_competitors_are_in_the_product_s_condition_where_it_is_told_and_stockx_s_ask_is_new() -> None:
    board = Board(0, {}, {})
    stockx = Listing("stockx", "US", Decimal(200), Decimal(200), "USD", date(2026, 1, 15))
    put(board, 1, ProductPart(""))
    put(board, 1, ListingPart(1, stockx))
    put(board, 1, ListingPart(2, stockx))
    put(board, 1, MarketPart("stockx", MarketView(None, Decimal(150))))
    assert [each.condition for each in board.market(1, 1, DAY).competitors] == [None, "new"]
    put(board, 1, ProductPart("", "used"))
    assert [each.condition for each in board.market(1, 1, DAY).competitors] == ["used", "new"]


def test_an_ask_that_was_our_own_when_it_was_told_is_no_competitor_after_we_changed_our_price() -> None:
    board, told = Board(0, {}, {}), datetime(2026, 11, 20, 12, tzinfo=UTC)

    def asked(price: str, hours: int) -> list[Decimal]:
        put(board, 1, MarketPart("stockx", MarketView(None, Decimal(price), told + timedelta(hours=hours))))
        return [each.price_usd for each in board.market(1, 1, DAY).competitors]

    def listed(price: str) -> None:
        put(board, 1, ListingPart(1, Listing("stockx", "US", Decimal(price), Decimal(price), "USD", DAY)))

    listed("100")
    assert asked("100", 0) == []
    listed("120")  # nobody competed: the fallback price
    assert asked("100", 0) == [], "told again, it is still what we asked then"
    assert asked("120", 1) == []
    assert asked("100", 2) == [Decimal(100)], "told anew, it is another's"
    listed("100")
    assert asked("99", 3) == [Decimal(99)]
    listed("99")
    assert asked("99", 3) == [], "as cheap as we are: no reason to change"
    listed("98")
    assert asked("99", 3) == [Decimal(99)], "it was another's when it was told"


def test_a_rule_counts_from_its_first_day() -> None:
    board = Board(0, {}, {})
    for key, message in MESSAGES[:9]:
        put(board, key, message)
    assert set(everything(board).values()) == {None}
    put(board, None, RuleTold(1, cost_rule(effective_from=date(2026, 11, 22))))
    assert dict(board.of_products({1}, DAY)) == {(1, "amazon", "US"): None}
    (tomorrow,) = [figures for _, figures in board.of_products({1}, date(2026, 11, 22))]
    assert tomorrow is not None
    assert tomorrow.estimated_profit_usd == Decimal("58.79")  # 200 - 100 - (40 + 0.30 + 0.16 + 0.50 + 0.25)


def test_newer_rates_convert_the_original_price_and_older_ones_do_not() -> None:
    board = Board(0, {}, {})
    for key, message in (*MESSAGES[:2], (1, ListingPart(1, listing("200", "MXN"))), (None, RuleTold(1, cost_rule()))):
        put(board, key, message)
    rates = RatesTold(date(2026, 1, 15), {"USD": Decimal("1.10"), "MXN": Decimal(20)})
    assert board.share(rates)
    (told,) = [figures for _, figures in board.of_products({1}, DAY)]
    assert told is not None
    assert told.sell_price_usd == Decimal("200.00")  # the listing's own rate is of that day
    assert board.share(RatesTold(date(2026, 1, 16), {"USD": Decimal("1.10"), "MXN": Decimal(20)}))
    (told,) = [figures for _, figures in board.of_products({1}, DAY)]
    assert told is not None
    assert told.sell_price_usd == Decimal("220.00")  # 4000 MXN at 0.055
    assert not board.share(rates), "an older day is not taken"


def test_partitions_do_not_see_each_other() -> None:
    products: dict[str, bytes] = {}
    shared: dict[str, bytes] = {}
    one, other = Board(1, products, shared), Board(11, products, shared)
    for key, message in MESSAGES[:6]:
        put(one, key, message)
    put(one, None, RuleTold(1, cost_rule()))
    assert everything(one)
    assert everything(other) == {}


def test_only_what_was_written_is_deleted() -> None:
    products: dict[str, bytes] = {}
    board = Board(0, products, {})
    for key, message in (*MESSAGES[:2], MESSAGES[4]):
        put(board, key, message)
    assert board.to_write(board.of_products({1}, DAY)) == []  # no rule, and nothing of ours
    put(board, None, RuleTold(1, cost_rule()))
    assert len(board.to_write(board.of_products({1}, DAY))) == 1
    put(board, 1, OfferPart(1, None))
    gone = Board(0, products, {}).to_write(board.of_products({1}, DAY))  # a new worker knows what was written
    assert gone == [((1, "amazon", "US"), None)]
    assert board.to_write(board.of_products({1}, DAY)) == gone  # until it was done
    board.written(gone)
    assert board.to_write(board.of_products({1}, DAY)) == []
