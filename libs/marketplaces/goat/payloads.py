"""Products of GOAT's catalog, as alias tells them."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from libs.marketplaces.payload import Id, Payload

CURRENCY = "USD"


def _none_if_blank(value: object) -> object:
    return None if value in ("", None) else value


def _none_if_nothing(cents: int | None) -> int | None:
    return cents or None


_Whole = Annotated[int, Field(ge=0, le=10**12)]
Cents = Annotated[_Whole | None, BeforeValidator(_none_if_blank), AfterValidator(_none_if_nothing)]
"""US cents, written as text: `"11500"`. `"0"` means that there is no such amount."""


class CatalogItem(Payload):
    """A product: `sku` is its style code with a space (`DD1391 100`), `catalog_id` its name in URLs."""

    catalog_id: Id
    name: str | None = None
    sku: str | None = None
    brand: str | None = None
    gender: str | None = None
    release_date: str | None = None
    product_category: str | None = None
    product_type: str | None = None
    main_picture_url: str | None = None
    retail_price_cents: Cents = None
    minimum_listing_price_cents: Cents = None
    maximum_listing_price_cents: Cents = None
    colorway: str | None = None
    nickname: str | None = None

    @property
    def style_id(self) -> str | None:
        """The style code."""
        return self.sku


def dollars(cents: int | None) -> Decimal | None:
    """Cents as US dollars, exact."""
    return None if cents is None else Decimal(cents).scaleb(-2)
