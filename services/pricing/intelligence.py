"""GET /api/v1/pricing/intelligence: what the market says of one size of a product, and what follows from it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from statistics import median
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from libs.commands.live_builds import LiveBuilds
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.http.openapi import Operation, Reply, Route, problems
from libs.http.server import Problem
from libs.http.unified import told as told_error
from libs.pricing.days_to_sell import Circumstances
from libs.pricing.intelligence import Intelligence, intelligence, recommended_price
from libs.pricing.trend import FEWEST_DAYS, Direction, Sale, Trend, trend
from libs.projection.live_build import OtherVersion
from libs.read_models import READ_MODELS
from libs.read_models.market_data.project import MarketDataRow
from schemas.values import DecimalString, UtcTime
from services.pricing.market import Observed, OwnSale, last_sales, lowest_asks, own_sales, sales_of, told
from services.pricing.selling_time import Fitted, fitted, sales_per_day

PATH = "/api/v1/pricing/intelligence"
_MODEL_FOR_SECONDS = 600
_READ = tuple(READ_MODELS[name] for name in ("market_data", "orders", "recorded_sales", "stock_items"))


class Query(BaseModel):
    """What is asked."""

    sku: str = Field(min_length=1, max_length=100, description="The style code, as StockX writes it")
    size: str | None = Field(default=None, max_length=20, description="As StockX writes it; left out: it has none")


class TrendTold(BaseModel):
    """The figures that a trend rests on."""

    basis: Literal["sales", "lowest asks"] = Field(description="Which prices; asks where too few days had sales")
    days: int
    p_value: float | None = Field(description="Mann-Kendall, two-sided; null: too few days")
    slope_per_day: DecimalString | None = Field(description="Theil-Sen, in currency")
    change: DecimalString | None = Field(description="Over the days observed, as a share of the median")


class SellDaysTold(BaseModel):
    """How the expected days were found. `median_factor`: half of the estimates are within this factor of the truth."""

    method: Literal["model", "queue"]
    sales: int = Field(description="On which it rests")
    held_out_sales: int | None = None
    held_out_median_absolute_days: float | None = None
    held_out_median_factor: float | None = None
    baseline_median_factor: float | None = Field(default=None, description="Of always telling the median")


class MarketIntelligence(BaseModel):
    """The documented fields; amounts in `currency`. What nobody told is null."""

    sku: str
    size: str | None
    stockx_product_id: str
    currency: str | None
    current_lowest_ask: DecimalString | None
    current_highest_bid: DecimalString | None
    last_sale_price: DecimalString | None
    avg_sale_price_90d: DecimalString | None
    total_sales: int = Field(description="In the last 90 days, as far as they are known: ours, and last sales told")
    price_trend: Direction
    recommended_list_price: DecimalString | None
    expected_sell_days: int | None
    trend: TrendTold
    sell_days: SellDaysTold
    market_data_at: UtcTime


@dataclass(frozen=True, slots=True)
class _Known:
    row: MarketDataRow
    sales: list[OwnSale]
    """Of the product, in all sizes."""
    model: Fitted | None


class IntelligenceApi:
    """The route. The model of days to sell is fitted anew every ten minutes at most."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._builds = LiveBuilds(database)
        self._now = now
        self._models: dict[str, tuple[datetime, Fitted | None]] = {}

    def routes(self) -> tuple[Route, ...]:
        replies = {200: Reply("What the market says", MarketIntelligence)} | problems(400, 404, 503)
        operation = Operation("The market of one size of a product", tags=("pricing",), query=Query, replies=replies)
        return (Route("GET", PATH, self.get, operation),)

    async def get(self, request: web.Request) -> web.Response:
        try:
            asked = Query.model_validate(dict(request.query))
        except ValidationError as error:
            raise Problem(400, told_error(error)) from error
        try:
            known = await self._read(asked)
        except (DatabaseAway, NotMigrated, OtherVersion) as error:
            raise Problem(
                503, f"nothing can be read now ({type(error).__name__})", headers={"Retry-After": "2"}
            ) from error
        return web.json_response(answer(known.row, known.sales, known.model, self._now()).model_dump(mode="json"))

    async def _read(self, asked: Query) -> _Known:
        for model in _READ:
            await self._builds.live(model)
        async with self._database.connection() as connection:
            row = await told(connection, asked.sku, asked.size)
            if row is None:
                size = f" in size {asked.size}" if asked.size else ""
                raise Problem(
                    404,
                    f"StockX's market of {asked.sku}{size} is not known: "
                    f"`sellstream stockx market-data sync --sku {asked.sku}` asks",
                )
            if row.currency is None:
                return _Known(row, [], None)
            before = self._models.get(row.currency)
            if before is None or (self._now() - before[0]).total_seconds() > _MODEL_FOR_SECONDS:
                before = (self._now(), fitted(await own_sales(connection, row.currency)))
                self._models[row.currency] = before
            return _Known(row, await own_sales(connection, row.currency, asked.sku), before[1])


def answer(row: MarketDataRow, product: list[OwnSale], model: Fitted | None, now: datetime) -> MarketIntelligence:
    """The answer, from what is known at a moment. `product`: its sales in all sizes, on which the model was fitted."""
    today, sales = now.date(), sales_of(product, row)
    # A last sale that StockX tells is our own newest order: it counts only where the orders themselves are not known.
    observed = [Observed(sale.sold_at.date(), sale.price) for sale in sales] or last_sales(row)
    found = intelligence([Sale(each.day, each.price) for each in observed], today, row.lowest_ask, row.highest_bid)
    moving, basis = _trend(found, row, now)
    recommended = recommended_price(moving.direction, found.avg_sale_price_90d, row.lowest_ask, row.highest_bid)
    days, how = _days(found, product, model, recommended, now)
    return MarketIntelligence(
        sku=row.sku,
        size=row.size,
        stockx_product_id=row.product_id,
        currency=row.currency,
        current_lowest_ask=row.lowest_ask,
        current_highest_bid=row.highest_bid,
        last_sale_price=row.last_sale if row.last_sale is not None else found.last_sale_price,
        avg_sale_price_90d=found.avg_sale_price_90d,
        total_sales=found.total_sales,
        price_trend=moving.direction,
        recommended_list_price=recommended,
        expected_sell_days=days,
        trend=TrendTold(
            basis=basis,
            days=moving.days,
            p_value=moving.p_value,
            slope_per_day=_short(moving.slope_per_day),
            change=_short(moving.change),
        ),
        sell_days=how,
        market_data_at=row.updated_at,
    )


def _trend(found: Intelligence, row: MarketDataRow, now: datetime) -> tuple[Trend, Literal["sales", "lowest asks"]]:
    if found.price_trend.days >= FEWEST_DAYS:
        return found.price_trend, "sales"
    asks = trend([Sale(each.day, each.price) for each in lowest_asks(row)], now.date())
    return (asks, "lowest asks") if asks.days > found.price_trend.days else (found.price_trend, "sales")


def _days(
    found: Intelligence, product: list[OwnSale], model: Fitted | None, price: Decimal | None, now: datetime
) -> tuple[int | None, SellDaysTold]:
    if model is None or price is None or not product:
        return found.expected_sell_days, SellDaysTold(method="queue", sales=found.total_sales)
    usual = median(float(sale.price) for sale in product) or float(price)
    circumstances = Circumstances(float(price) / usual, sales_per_day(product, now), 0)
    error = model.error
    return max(1, round(model.model.days(circumstances))), SellDaysTold(
        method="model",
        sales=model.model.fitted_on,
        held_out_sales=error.pieces,
        held_out_median_absolute_days=error.median_absolute_days,
        held_out_median_factor=error.median_factor,
        baseline_median_factor=error.baseline_median_factor,
    )


def _short(value: Decimal | None) -> Decimal | None:
    return None if value is None else round(value, 6)
