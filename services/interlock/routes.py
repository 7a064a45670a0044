"""GET /oversold: orders beyond the last unit, with what to do. GET /products/{id}: who has its units, what is off."""

from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field

from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.http.openapi import Operation, Reply, Route, problems
from libs.http.server import Problem

_MOST = 500


class Oversold(BaseModel):
    """An order that no unit is left for."""

    unified_product_id: int = Field(alias="unifiedProductId")
    order_key: str = Field(alias="orderKey", description="Marketplace and order number")
    units: int
    advice: str = Field(description="What to do")
    since: datetime


class AllOversold(BaseModel):
    """The latest first."""

    oversold: list[Oversold]


class Standing(BaseModel):
    """An order's part in a product's units."""

    order_key: str = Field(alias="orderKey")
    units: int
    state: str = Field(description="held, oversold or released")
    advice: str | None


class TakeOff(BaseModel):
    """A listing that is taken off because the last unit is sold."""

    sell_listing_id: int = Field(alias="sellListingId")
    channel: str
    item_id: str = Field(alias="channelItemId")
    wanted_at: datetime = Field(alias="wantedAt")
    done_at: datetime | None = Field(alias="doneAt", description="null: not yet; see lastError")
    last_error: str | None = Field(alias="lastError")


class ProductUnits(BaseModel):
    """Who has a product's units, in the order of the sales, and what was taken off."""

    fence: int
    orders: list[Standing]
    take_offs: list[TakeOff] = Field(alias="takeOffs")


def routes(database: Database) -> tuple[Route, ...]:
    """The routes of the interlock."""

    async def oversold(_request: web.Request) -> web.Response:
        rows = await _fetch(
            database,
            "SELECT unified_product_id, order_key, units, advice, changed_at AS since FROM interlock.reservations "
            "WHERE state = 'oversold' ORDER BY changed_at DESC LIMIT $1",
            _MOST,
        )
        found = [Oversold.model_validate(row, by_name=True) for row in rows]
        return web.json_response(AllOversold(oversold=found).model_dump(mode="json", by_alias=True))

    async def product(request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        known = await _fetch(database, "SELECT fence FROM interlock.products WHERE unified_product_id = $1", number)
        if not known:
            raise Problem(404, f"no unit of product {number} was sold")
        orders = await _fetch(
            database,
            "SELECT order_key, units, state, advice FROM interlock.reservations WHERE unified_product_id = $1 "
            "ORDER BY reserved_at, order_key",
            number,
        )
        taken = await _fetch(
            database,
            "SELECT sell_listing_id, channel, channel_item_id AS item_id, wanted_at, done_at, last_error "
            "FROM interlock.take_offs WHERE unified_product_id = $1 ORDER BY wanted_at, sell_listing_id",
            number,
        )
        told = ProductUnits.model_validate(
            {
                "fence": known[0]["fence"],
                "orders": [Standing.model_validate(row, by_name=True) for row in orders],
                "takeOffs": [TakeOff.model_validate(row, by_name=True) for row in taken],
            }
        )
        return web.json_response(told.model_dump(mode="json", by_alias=True))

    return (
        Route(
            "GET",
            "/oversold",
            oversold,
            Operation("Orders beyond the last unit", replies={200: Reply("They", AllOversold)} | problems(503)),
        ),
        Route(
            "GET",
            "/products/{id:[0-9]{1,18}}",
            product,
            Operation("Who has a product's units", replies={200: Reply("It", ProductUnits)} | problems(404, 503)),
        ),
    )


async def _fetch(database: Database, sql: str, *arguments: Any) -> list[dict[str, Any]]:
    try:
        async with database.connection() as connection:
            return [dict(row) for row in await connection.fetch(sql, *arguments)]
    except (DatabaseAway, NotMigrated) as error:
        raise Problem(503, f"nothing can be read now ({type(error).__name__})") from error
