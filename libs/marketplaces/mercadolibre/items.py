"""Looking at items, anybody's, and at who sells them."""

import re

from libs.http.errors import Blocked, Garbage, NotFound, Unauthorized
from libs.marketplaces.mercadolibre.client import MercadoLibre
from libs.marketplaces.mercadolibre.payloads_search import PublicItem, PublicUser
from libs.marketplaces.payload import Malformed

ITEM_ID = re.compile(r"M[A-Z]{2}[0-9]{1,15}")


async def look_at_item(client: MercadoLibre, item_id: str) -> PublicItem:
    """The item as it is shown to this account, or to anybody. Raises an ApiError."""
    if not ITEM_ID.fullmatch(item_id):
        raise NotFound("GET /items/{id}", "that is no item's id")
    answer = await client.ask_openly(f"/items/{item_id}", operation="/items/{id}")
    try:
        item = PublicItem.read(answer.body)
    except Malformed as error:
        raise Garbage("GET /items/{id}", str(error), status=answer.status) from None
    if item.id != item_id:
        raise Garbage("GET /items/{id}", "it answered about another one than was asked for", status=answer.status)
    return item


async def look_at_seller(client: MercadoLibre, seller_id: str) -> PublicUser | None:
    """Who sells; None where MercadoLibre does not tell. Raises an ApiError where it may tell later."""
    own = seller_id == client.user_id
    try:
        if own:
            answer = await client.ask("/users/me")
        else:
            answer = await client.ask_openly(f"/users/{seller_id}", operation="/users/{id}")
        user = PublicUser.read(answer.body)
    except (Blocked, NotFound, Unauthorized, Garbage, Malformed):
        if own:
            raise
        return None
    return user if user.id == seller_id else None
