"""What sizes of a product are asked, bid and sold for at GOAT: alias' pricing insights.

Source: a transcript of alias' documentation and captured answers, GET /pricing_insights/availabilities/{catalog_id}.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BeforeValidator, SecretStr

from libs.http.client import ApiClient
from libs.http.errors import Garbage
from libs.marketplaces.goat.payloads import Cents, dollars
from libs.marketplaces.payload import Malformed, Payload

_AVAILABILITIES = "/pricing_insights/availabilities/{catalog_id}"
NEW = "PRODUCT_CONDITION_NEW"
GOOD_BOX = "PACKAGING_CONDITION_GOOD_CONDITION"


def _size(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("a size is a number")  # noqa: TRY004  (pydantic reports ValueError)
    return format(Decimal(value).normalize(), "f")


class Availability(Payload):
    """US cents; None where there is none."""

    lowest_listing_price_cents: Cents = None
    highest_offer_price_cents: Cents = None
    last_sold_listing_price_cents: Cents = None
    global_indicator_price_cents: Cents = None


class PricedVariant(Payload):
    """A size (US, `10.5`) in a condition; `consigned` is absent where both kinds are in it."""

    size: Annotated[str, BeforeValidator(_size)]
    product_condition: str
    packaging_condition: str
    consigned: bool | None = None
    availability: Availability | None = None


@dataclass(frozen=True, slots=True)
class SizePrices:
    """US dollars, exact; None is what alias did not tell. `size` 0 stands for the whole product at alias."""

    size: str
    lowest_ask: Decimal | None
    highest_bid: Decimal | None
    last_sale: Decimal | None


class GoatPricing:
    """alias' pricing insights, with a personal access token."""

    def __init__(self, api: ApiClient, token: SecretStr) -> None:
        self._api = api
        self._token = token

    async def sizes(self, catalog_id: str) -> Mapping[str, SizePrices]:
        """New goods in a good box, by size, over all regions. Raises NotFound and other ApiErrors."""
        answer = await self._api.call(
            "GET",
            _AVAILABILITIES.format(catalog_id=quote(catalog_id, safe="")),
            operation=_AVAILABILITIES,
            headers={"Authorization": f"Bearer {self._token.get_secret_value()}"},
        )
        try:
            variants = _variants(answer.body)
        except Malformed as error:
            garbage = Garbage(f"GET {_AVAILABILITIES}", str(error), status=answer.status)
            garbage.headers, garbage.raw = answer.headers, answer.raw
            raise garbage from None
        found: dict[str, SizePrices] = {}
        for each in variants:
            ours = each.product_condition == NEW and each.packaging_condition == GOOD_BOX and not each.consigned
            if ours and each.availability is not None:
                found.setdefault(each.size, _prices(each.size, each.availability))
        return found


def _variants(body: Any) -> list[PricedVariant]:
    told = body.get("variants") if isinstance(body, dict) else None
    if not isinstance(told, list):
        raise Malformed("the answer has no variants")
    return [PricedVariant.read(each) for each in told]


def _prices(size: str, told: Availability) -> SizePrices:
    return SizePrices(
        size,
        dollars(told.lowest_listing_price_cents),
        dollars(told.highest_offer_price_cents),
        dollars(told.last_sold_listing_price_cents),
    )
