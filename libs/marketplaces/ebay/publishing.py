"""Writing items and offers: the item, its offer, the offer published, revised, withdrawn.

| call              | repeated                                                                              |
|-------------------|---------------------------------------------------------------------------------------|
| put an item       | the same item (a full replacement)                                                    |
| create an offer   | refused: a SKU has one offer per marketplace and format. The refusal names that offer |
| update an offer   | the same offer; a live listing is revised                                             |
| publish           | the same listing                                                                      |
| withdraw          | refused where the offer is not published                                              |

Source: Inventory API 1.18, base `/sell/inventory/v1`.
"""

from typing import Any
from urllib.parse import quote

from libs.http.errors import ApiError, Garbage
from libs.marketplaces.ebay.caller import EbayCaller
from libs.marketplaces.ebay.errors import errors_in

_ITEM = "/sell/inventory/v1/inventory_item/{sku}"
_OFFERS = "/sell/inventory/v1/offer"
_OFFER = "/sell/inventory/v1/offer/{offerId}"
_PUBLISH = "/sell/inventory/v1/offer/{offerId}/publish"
_WITHDRAW = "/sell/inventory/v1/offer/{offerId}/withdraw"


class Publishing:
    """The writing calls of one account. All raise an ApiError. `language` is the one that texts are written in."""

    def __init__(self, caller: EbayCaller, language: str = "en-US") -> None:
        self._caller = caller
        self._language = {"Content-Language": language}

    async def put_item(self, sku: str, item: dict[str, Any]) -> None:
        """Make an item, or replace it as a whole."""
        await self._caller.call("PUT", _item_path(sku), operation=_ITEM, headers=self._language, body=item)

    async def create_offer(self, offer: dict[str, Any]) -> str:
        """Make an offer, unpublished; its id. It is safe to send again: where there is one, eBay names it."""
        try:
            answer = await self._caller.call(
                "POST", _OFFERS, operation=_OFFERS, headers=self._language, body=offer, repeatable=True
            )
        except ApiError as error:
            if (existing := _existing_offer(error)) is not None:
                return existing
            raise
        return _text(answer.body, "offerId", f"POST {_OFFERS}")

    async def update_offer(self, offer_id: str, offer: dict[str, Any]) -> None:
        """Replace an offer as a whole; a live listing is revised."""
        await self._caller.call(
            "PUT", _offer_path(_OFFER, offer_id), operation=_OFFER, headers=self._language, body=offer
        )

    async def publish(self, offer_id: str) -> str:
        """Make the offer a live listing; the listing's id."""
        path = _offer_path(_PUBLISH, offer_id)
        answer = await self._caller.call("POST", path, operation=_PUBLISH, repeatable=True)
        return _text(answer.body, "listingId", f"POST {_PUBLISH}")

    async def withdraw(self, offer_id: str) -> None:
        """End the offer's listing; the offer stays."""
        await self._caller.call("POST", _offer_path(_WITHDRAW, offer_id), operation=_WITHDRAW, repeatable=True)


def _item_path(sku: str) -> str:
    return _ITEM.format(sku=quote(sku, safe=""))


def _offer_path(route: str, offer_id: str) -> str:
    return route.format(offerId=quote(offer_id, safe=""))


def _existing_offer(error: ApiError) -> str | None:
    """The offer that a refusal to create a second one names."""
    return next((told for each in errors_in(error.body) if (told := each.parameters.get("offerId"))), None)


def _text(body: Any, name: str, operation: str) -> str:
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, str) or not value:
        raise Garbage(operation, f"the answer has no {name}")
    return value
