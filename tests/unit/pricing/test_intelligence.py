"""Market intelligence: the recommendation, and what it never does."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.pricing.intelligence import intelligence, recommended_price
from libs.pricing.trend import Direction, Sale
from tests.unit.pricing.making import DAY, usd

maybe = st.one_of(st.none(), usd())


def test_the_documents_fields_are_told() -> None:
    sales = [Sale(DAY - timedelta(days=each), Decimal(200)) for each in range(0, 120, 2)]
    found = intelligence(sales, DAY, Decimal(210), Decimal(180))
    assert (found.current_lowest_ask, found.current_highest_bid) == (Decimal(210), Decimal(180))
    assert (found.last_sale_price, found.last_sale_day) == (Decimal(200), DAY)
    assert (found.avg_sale_price_90d, found.total_sales) == (Decimal("200.00"), 45)
    assert found.price_trend.direction is Direction.STABLE
    assert found.recommended_list_price == Decimal("209.99")
    assert found.expected_sell_days == 2


def test_nothing_known_recommends_nothing_and_the_future_is_not_looked_at() -> None:
    tomorrow = [Sale(DAY + timedelta(days=1), Decimal(5))]
    found = intelligence(tomorrow, DAY, None, None)
    assert found.recommended_list_price is None
    assert (found.total_sales, found.last_sale_price, found.expected_sell_days) == (0, None, None)


def test_a_mad_ask_does_not_set_the_price() -> None:
    assert recommended_price(Direction.STABLE, Decimal(200), Decimal(5000), None) == Decimal("230.00")
    assert recommended_price(Direction.STABLE, Decimal(200), Decimal(1), None) == Decimal("170.00")


@settings(deadline=None)
@given(maybe, maybe, maybe)
def test_the_recommendation_leans_with_the_trend_and_never_gives_a_bid_away(
    average: Decimal | None, ask: Decimal | None, bid: Decimal | None
) -> None:
    falling, stable, rising = (
        recommended_price(direction, average, ask, bid)
        for direction in (Direction.DECREASING, Direction.STABLE, Direction.INCREASING)
    )
    if falling is None or stable is None or rising is None:
        assert (average, ask, bid, falling, stable, rising) == (None,) * 6
        return
    assert falling <= stable <= rising
    assert falling >= (bid or Decimal("0.01"))
