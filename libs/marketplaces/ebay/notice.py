"""What a notification's body names: an order, or a listing, and whose it is.

Sources: Notification API 1.6.7 and its topics' contracts. A contract may name an item as `itemId` in the form of the
Buy APIs (`v1|110…|0`) or as a plain listing id; that of ORDER_CONFIRMATION says that there is an `orderId` to look up.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator

from libs.marketplaces.contract import BadPayload
from libs.marketplaces.ebay.values import EbayPayload
from libs.marketplaces.json_object import read_object
from libs.marketplaces.payload import Malformed, OptionalId

_LISTING = re.compile(r"(?:v1\|)?([0-9]{1,20})(?:\|[0-9]{1,20})?")


def _listing_id(value: object) -> object:
    if value is None or value == "":
        return None
    found = _LISTING.fullmatch(str(value))
    if found is None:
        raise ValueError("not the id of a listing")
    return found[1]


_ListingId = Annotated[str | None, BeforeValidator(_listing_id)]


class _Seller(EbayPayload):
    username: str | None = None


class _Data(EbayPayload):
    order_id: OptionalId = None
    item_id: _ListingId = None
    listing_id: _ListingId = None
    username: str | None = None
    seller: _Seller | None = None


class _Notification(EbayPayload):
    data: _Data


class _Body(EbayPayload):
    notification: _Notification


@dataclass(frozen=True, slots=True)
class Notice:
    """The ids that a notification names; None where it names none. `seller` is a user name, or an id instead of it."""

    order_id: str | None
    listing_id: str | None
    seller: str | None


def read_notice(body: bytes) -> Notice:
    """What the body of a notification names; raise Malformed."""
    try:
        told: dict[str, Any] = read_object(body)
    except BadPayload as error:
        raise Malformed(str(error)) from None
    data = _Body.read(told).notification.data
    seller = (data.seller.username if data.seller else None) or data.username
    return Notice(data.order_id, data.listing_id or data.item_id, seller)
