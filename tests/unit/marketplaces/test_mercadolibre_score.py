"""The score of an item: bounded, monotone in each input, and its parts add up to it, whatever is known."""

from dataclasses import fields, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from libs.marketplaces.mercadolibre.score import LEVELS, LISTING_TYPES, LOGISTICS, MEDALS, score_item
from libs.marketplaces.mercadolibre.score_result import (
    PARTS,
    ItemFeatures,
    PriceDistribution,
    ScoreWeights,
    SellerStanding,
)

counts = st.none() | st.integers(0, 1_000_000)
amounts = st.decimals(Decimal("0.01"), Decimal(10_000_000), places=2)
items = st.builds(
    ItemFeatures,
    item_id=st.just("MLM1"),
    price=st.none() | amounts,
    currency_id=st.sampled_from([None, "MXN", "USD"]),
    sold_quantity=counts,
    available_quantity=counts,
    free_shipping=st.none() | st.booleans(),
    logistic_type=st.sampled_from([None, "new_kind", *LOGISTICS]),
    listing_type_id=st.sampled_from([None, "new_kind", *LISTING_TYPES]),
    pictures_count=counts,
    attributes_filled=counts,
    attributes_expected=counts,
)
sellers = st.none() | st.builds(
    SellerStanding,
    level_id=st.sampled_from([None, "new_level", *LEVELS]),
    power_seller_status=st.sampled_from(list(MEDALS)),
    transactions_total=counts,
    transactions_completed=counts,
    positive_share=st.none() | st.decimals(0, 1, places=3),
)
distributions = st.none() | st.builds(PriceDistribution.of, st.just("MXN"), st.lists(amounts, min_size=1, max_size=30))
shares = st.decimals(0, 100, places=2)
weightings = st.builds(
    ScoreWeights, price=shares, demand=shares, seller=shares, stock=shares, shipping=shares, listing_type=shares,
    completeness=st.decimals(1, 100, places=2),
)  # fmt: skip


@given(items, sellers, distributions, weightings)
def test_bounds_and_sums(
    item: ItemFeatures, seller: SellerStanding | None, prices: PriceDistribution | None, weights: ScoreWeights
) -> None:
    score = score_item(item, seller, prices, weights)
    assert [one.name for one in score.components] == list(PARTS)
    assert all(one.reason for one in score.components)
    assert 0 <= score.coverage <= 1
    assert set(score.missing) == {one.name for one in score.components if one.value is None}
    for one in score.components:
        assert one.value is None or 0 <= one.value <= 1
        assert 0 <= one.weight <= 1
        assert one.value is not None or one.points == one.weight == 0
    if score.total is None:
        assert score.coverage == 0
        return
    assert 0 <= score.total <= 100
    assert score.total.as_tuple().exponent == -2
    assert abs(score.total - sum(one.points for one in score.components)) <= Decimal("0.0055")
    assert abs(1 - sum(one.weight for one in score.components)) <= Decimal("0.0005")
    assert score == score_item(item, seller, prices, weights)


def ranked(table: dict[str, str], one: str, other: str) -> tuple[str, str]:
    """The worse, the better."""
    worse, better = sorted((one, other), key=lambda name: Decimal(table[name]))
    return worse, better


@given(items, sellers, distributions, st.data())
def test_more_is_never_worse(
    item: ItemFeatures, seller: SellerStanding | None, prices: PriceDistribution | None, data: st.DataObject
) -> None:
    """Each input of the item alone made better, all else the same."""
    name = data.draw(st.sampled_from([one.name for one in fields(item) if one.name not in ("item_id", "currency_id")]))
    tables = {"logistic_type": LOGISTICS, "listing_type_id": LISTING_TYPES}
    if name in tables:
        kinds = st.sampled_from(list(tables[name]))
        worse, better = ranked(tables[name], data.draw(kinds), data.draw(kinds))
    elif name == "free_shipping":
        worse, better = False, True
    elif name == "price":
        better, worse = sorted((data.draw(amounts), data.draw(amounts)))
    elif name == "attributes_expected":
        better, worse = sorted((data.draw(st.integers(1, 99)), data.draw(st.integers(1, 99))))
    else:
        worse, better = sorted((data.draw(st.integers(0, 99_999)), data.draw(st.integers(0, 99_999))))
    low = score_item(replace(item, **{name: worse}), seller, prices).total
    high = score_item(replace(item, **{name: better}), seller, prices).total
    assert low is None or (high is not None and high >= low), (name, worse, better)


@given(items, sellers.filter(bool), distributions, st.data())
def test_a_better_seller_is_never_worse(
    item: ItemFeatures, seller: SellerStanding, prices: PriceDistribution | None, data: st.DataObject
) -> None:
    levels = ranked(LEVELS, data.draw(st.sampled_from(list(LEVELS))), data.draw(st.sampled_from(list(LEVELS))))
    known = [medal for medal in MEDALS if medal is not None]
    medals = sorted((data.draw(st.sampled_from(known)), data.draw(st.sampled_from(known))), key=lambda m: MEDALS[m])
    done = sorted((data.draw(st.integers(0, 500)), data.draw(st.integers(0, 500))))
    liked = sorted((data.draw(st.decimals(0, 1, places=2)), data.draw(st.decimals(0, 1, places=2))))
    worse, better = (
        replace(
            seller,
            level_id=levels[n],
            power_seller_status=medals[n],
            transactions_total=500,
            transactions_completed=done[n],
            positive_share=liked[n],
        )
        for n in (0, 1)
    )
    low, high = score_item(item, worse, prices).total, score_item(item, better, prices).total
    assert low is not None
    assert high is not None
    assert high >= low


BEST = ItemFeatures(
    "MLM1", price=Decimal(80), currency_id="MXN", sold_quantity=500, available_quantity=10, free_shipping=True,
    logistic_type="fulfillment", listing_type_id="gold_pro", pictures_count=6, attributes_filled=9,
    attributes_expected=9,
)  # fmt: skip
WORST = ItemFeatures(
    "MLM2", price=Decimal(120), currency_id="MXN", sold_quantity=0, available_quantity=0, free_shipping=False,
    logistic_type="custom", listing_type_id="free", pictures_count=0, attributes_filled=0, attributes_expected=9,
)  # fmt: skip
PRICES = PriceDistribution.of("MXN", [Decimal(price) for price in range(90, 111)])
GREEN = SellerStanding("5_green", "platinum", 1200, 1200, Decimal(1))
RED = SellerStanding("1_red", None, 1200, 0, Decimal(0))


def test_the_whole_scale_is_reached() -> None:
    assert score_item(BEST, GREEN, PRICES).total == Decimal("100.00")
    assert score_item(WORST, RED, PRICES).total == Decimal("0.00")


def test_a_reason_names_the_numbers() -> None:
    parts = {one.name: one for one in score_item(replace(BEST, price=Decimal(95)), GREEN, PRICES).components}
    assert (parts["price"].value, parts["price"].weight) == (Decimal("0.8125"), Decimal("0.3"))
    assert parts["price"].points == Decimal("24.375")
    assert parts["price"].reason == (
        "95 MXN is below the median of 21 offers (100.00; most are between 92.00 and 108.00)"
    )
    assert parts["seller"].reason == (
        "level 5_green, medal platinum, 1200 of 1200 sales completed, 100 % of the ratings positive"
    )


def test_what_is_not_known_leaves_its_weight_to_the_rest() -> None:
    """Only demand (20) and stock (10) are known: two thirds and one third."""
    score = score_item(ItemFeatures("MLM3", sold_quantity=0, available_quantity=10))
    parts = {one.name: one for one in score.components}
    assert (parts["demand"].weight, parts["stock"].weight) == (Decimal("0.6667"), Decimal("0.3333"))
    assert (score.total, score.coverage) == (Decimal("33.33"), Decimal("0.3"))
    assert score.missing == ("price", "seller", "shipping", "listing_type", "completeness")
    nothing = score_item(ItemFeatures("MLM4"))
    assert (nothing.total, nothing.coverage, nothing.missing) == (None, Decimal(0), PARTS)


def test_prices_that_do_not_compare_are_said_to() -> None:
    few = PriceDistribution.of("MXN", [Decimal(1)] * 4)
    foreign = replace(PRICES, currency_id="USD")
    for prices, told in ((few, "4 prices of the same product"), (foreign, "priced in MXN"), (None, "0 prices")):
        (part,) = [one for one in score_item(BEST, GREEN, prices).components if one.name == "price"]
        assert part.value is None
        assert told in part.reason


def test_equal_prices_are_a_distribution_too() -> None:
    flat = PriceDistribution.of("MXN", [Decimal(100)] * 5)
    values = [score_item(replace(BEST, price=Decimal(p)), GREEN, flat).components[0].value for p in (99, 100, 101)]
    assert values == [1, Decimal("0.5"), 0]


def test_weights_that_say_nothing_are_refused() -> None:
    with pytest.raises(ValidationError, match="all weights are 0"):
        ScoreWeights(**dict.fromkeys(PARTS, Decimal(0)))
    with pytest.raises(ValidationError):
        ScoreWeights(price=Decimal(-1))
    with pytest.raises(ValueError, match="needs one price"):
        PriceDistribution.of("MXN", [])
