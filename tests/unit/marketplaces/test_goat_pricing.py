"""What alias tells of a product's prices, in its captured form."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from libs.http.client import ApiClient, ApiSettings
from libs.http.errors import Garbage, NotFound
from libs.marketplaces.goat.pricing import GoatPricing, SizePrices


def variant(size: Any, condition: str = "NEW", box: str = "GOOD_CONDITION", **told: Any) -> dict[str, Any]:
    cents = {"lowest_listing_price_cents": "9650", "highest_offer_price_cents": "0", **told.pop("cents", {})}
    return {
        "size": size,
        "product_condition": f"PRODUCT_CONDITION_{condition}",
        "packaging_condition": f"PACKAGING_CONDITION_{box}",
        "availability": {**cents, "last_sold_listing_price_cents": "11500", "global_indicator_price_cents": "0"},
        **told,
    }


ANSWERS: dict[str, Any] = {
    "panda": {
        "variants": [
            variant(10.5, "USED", cents={"lowest_listing_price_cents": "100"}),
            variant(10.5),
            variant(10, box="BADLY_DAMAGED"),
            variant(10, consigned=True, cents={"lowest_listing_price_cents": "1"}),
            variant(10, consigned=False),
            variant(11, availability=None),
        ]
    },
    "array": [],
    "letters": {"variants": [variant("XL")]},
    "cents": {"variants": [variant(9, cents={"lowest_listing_price_cents": "96.50"})]},
}


@pytest.fixture
async def pricing() -> AsyncIterator[GoatPricing]:
    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer pat"
        told = ANSWERS.get(request.match_info["id"])
        if told is None:
            return web.json_response({"code": 5, "message": "not found", "details": []}, status=404)
        return web.Response(body=json.dumps(told), content_type="application/json")

    app = web.Application()
    app.router.add_get("/pricing_insights/availabilities/{id}", answer)
    async with TestServer(app) as server, ApiClient("goat", ApiSettings(base_url=str(server.make_url("/")))) as api:
        yield GoatPricing(api, SecretStr("pat"))


async def test_new_goods_in_a_good_box_by_size_and_zero_is_none(pricing: GoatPricing) -> None:
    found = await pricing.sizes("panda")
    prices = {"lowest_ask": Decimal("96.50"), "highest_bid": None, "last_sale": Decimal("115.00")}
    assert found == {"10.5": SizePrices("10.5", **prices), "10": SizePrices("10", **prices)}


@pytest.mark.parametrize("catalog_id", ["array", "letters", "cents"])
async def test_what_is_of_another_form_is_garbage_with_its_bytes(pricing: GoatPricing, catalog_id: str) -> None:
    with pytest.raises(Garbage) as caught:
        await pricing.sizes(catalog_id)
    assert json.loads(caught.value.raw) == ANSWERS[catalog_id]


async def test_what_alias_does_not_have_is_not_found(pricing: GoatPricing) -> None:
    with pytest.raises(NotFound):
        await pricing.sizes("no/such thing")
