"""What a site's search tells of an item, and what an item and its seller tell anybody. Source: see README.md.

Search is closed to everybody since April 2025; the shapes are those of before, and of whoever has an exception.
"""

from typing import Annotated

from pydantic import Field

from libs.marketplaces.payload import KEPT, Amount, EmptyIfNone, Id, Moment, OptionalId, Payload
from schemas.values import Json


class FoundSeller(Payload):
    """`results[].seller`."""

    id: OptionalId = None
    nickname: str | None = None


class FoundItem(Payload):
    """`results[]` of /sites/{site}/search."""

    id: Id
    site_id: str | None = None
    title: str | None = None
    subtitle: str | None = None
    price: Amount | None = None
    original_price: Annotated[Amount | None, KEPT] = None
    base_price: Amount | None = None
    currency_id: str | None = None
    condition: str | None = None
    listing_type_id: str | None = None
    category_id: OptionalId = None
    domain_id: str | None = None
    permalink: str | None = None
    thumbnail: str | None = None
    seller: FoundSeller | None = None
    accepts_mercadopago: bool | None = None
    pictures: Annotated[list[Json], EmptyIfNone, KEPT] = Field(default_factory=list)


class Shipping(Payload):
    """`shipping` of an item."""

    mode: str | None = None
    free_shipping: bool | None = None
    logistic_type: str | None = None


class PublicItem(Payload):
    """GET /items/{id}: the listing, as far as it is shown."""

    id: Id
    site_id: str | None = None
    title: str | None = None
    subtitle: str | None = None
    status: str | None = None
    seller_id: OptionalId = None
    price: Amount | None = None
    base_price: Amount | None = None
    original_price: Amount | None = None
    currency_id: str | None = None
    condition: str | None = None
    listing_type_id: str | None = None
    category_id: OptionalId = None
    domain_id: str | None = None
    catalog_product_id: OptionalId = None
    available_quantity: int | None = None
    sold_quantity: int | None = None
    shipping: Shipping | None = None
    accepts_mercadopago: bool | None = None
    pictures: Annotated[list[Json], EmptyIfNone, KEPT] = Field(default_factory=list)
    attributes: Annotated[list[Json], EmptyIfNone, KEPT] = Field(default_factory=list)
    permalink: str | None = None
    thumbnail: str | None = None
    date_created: Moment | None = None
    last_updated: Moment | None = None


class Ratings(Payload):
    """`seller_reputation.transactions.ratings`: shares, 0 to 1."""

    positive: Annotated[Amount | None, KEPT] = None


class Transactions(Payload):
    """`seller_reputation.transactions`."""

    total: int | None = None
    completed: int | None = None
    ratings: Ratings | None = None


class Reputation(Payload):
    """`seller_reputation`."""

    level_id: str | None = None
    power_seller_status: str | None = None
    transactions: Transactions | None = None


class PublicUser(Payload):
    """GET /users/{id} and /users/me."""

    id: Id
    nickname: str | None = None
    seller_reputation: Reputation | None = None
