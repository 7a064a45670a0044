"""What is answered about a market, from what marketplaces told and what we sold."""

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from libs.pricing.trend import Direction
from libs.read_models.market_data.project import MarketDataRow, PricePoint
from services.pricing.intelligence import MarketIntelligence, answer
from services.pricing.market import OwnSale
from services.pricing.selling_time import fitted
from tests.facts import NOON


def row(asks: list[str], bid: str | None = "90", last: str | None = None) -> MarketDataRow:
    """A market with an ask a day, the last one today."""
    points = tuple(
        PricePoint(
            NOON - timedelta(days=len(asks) - 1 - day),
            "USD",
            Decimal(ask),
            None if bid is None else Decimal(bid),
            None if last is None else Decimal(last),
        )
        for day, ask in enumerate(asks)
    )
    return MarketDataRow(
        key="stockx:HQ4276:8.5",
        updated_at=NOON,
        event_id="1",
        correlation_id=None,
        log_topic="market_data",
        log_partition=0,
        log_offset=0,
        platform="stockx",
        sku="HQ4276",
        size="8.5",
        product_id="fa671f11-b94d-4596-a4fe-d91e0bd995a0",
        variant_id="v",
        currency="USD",
        lowest_ask=points[-1].lowest_ask,
        highest_bid=points[-1].highest_bid,
        last_sale=points[-1].last_sale,
        last_sale_at=None,
        sales=None,
        history=points,
    )


def sale(price: str, days_ago: float, held: float | None = None) -> OwnSale:
    sold = NOON - timedelta(days=days_ago)
    return OwnSale("HQ4276", "8.5", "v", Decimal(price), sold, None if held is None else sold - timedelta(days=held))


def test_the_documented_fields_of_a_rising_market() -> None:
    sales = [sale(str(100 + 2 * day), 39 - 2 * day) for day in range(20)]
    told = answer(row(["150"]), sales, None, NOON).model_dump(mode="json")
    assert told["stockx_product_id"] == "fa671f11-b94d-4596-a4fe-d91e0bd995a0"
    assert (told["current_lowest_ask"], told["current_highest_bid"]) == ("150", "90")
    assert (told["last_sale_price"], told["avg_sale_price_90d"], told["total_sales"]) == ("138", "119.00", 20)
    assert (told["price_trend"], told["trend"]["basis"]) == ("increasing", "sales")
    assert told["recommended_list_price"] == "136.85"  # 149.99 and 2 % more, and not beyond 15 % of the average
    assert (told["expected_sell_days"], told["sell_days"]["method"]) == (5, "queue")  # 90 days, 20 sales


def test_without_sales_the_asks_tell_the_trend_and_nothing_is_made_up() -> None:
    told = answer(row([str(200 - 3 * day) for day in range(12)], bid=None), [], None, NOON)
    assert (told.price_trend, told.trend.basis, told.total_sales) == (Direction.DECREASING, "lowest asks", 0)
    assert (told.last_sale_price, told.avg_sale_price_90d, told.expected_sell_days) == (None, None, None)
    assert told.recommended_list_price == Decimal("163.65")  # a cent below 167, and 2 % less


def test_last_sales_that_were_told_stand_in_for_orders_that_are_not_known() -> None:
    told = answer(row(["150", "150"], last="120"), [], None, NOON)
    assert (told.total_sales, told.avg_sale_price_90d) == (1, Decimal("120.00"))


def test_days_to_sell_are_fitted_on_past_sales_and_beat_the_median_on_held_out_ones() -> None:
    chance = random.Random(4)
    sales = []
    for number in range(120):  # dearer pieces took longer, by a law that the model can find
        price = chance.randint(80, 160)
        held = 10 * (price / 115) ** 3 * chance.uniform(0.9, 1.1)
        sales.append(sale(str(price), 400 - 3 * number, held))
    model = fitted(sales)
    assert model is not None
    assert model.error.pieces == 30
    assert model.error.median_factor < 1.15 < model.error.baseline_median_factor
    told = answer(row(["115"]), sales, model, NOON)
    assert told.sell_days.method == "model"
    assert told.expected_sell_days == pytest.approx(10, abs=3)
    assert fitted(sales[:40]) is None


def test_a_size_has_sales_of_its_own_and_the_model_is_asked_about_the_product_on_whose_sales_it_was_fitted() -> None:
    def told(*sizes: str) -> MarketIntelligence:
        sales, ago = [], 400.0
        while ago > 0.5:  # ever oftener, and the oftener the sooner the next piece went
            gap = 0.5 + ago / 40
            sales.append(replace(sale("115", ago, 8 * gap), variant_id=None, size=sizes[len(sales) % len(sizes)]))
            ago -= gap
        return answer(row(["115"]), sales, fitted(sales), NOON)

    one, three = told("8.5"), told("8.5", "9", "10")
    assert three.total_sales == pytest.approx(one.total_sales / 3, abs=1)
    assert three.sell_days == one.sell_days
    assert (three.sell_days.method, three.expected_sell_days) == ("model", one.expected_sell_days)
