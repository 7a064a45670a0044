"""Listings Items API 2021-08-01: `getListingsItem`, `putListingsItem`, `patchListingsItem`, `deleteListingsItem`.

A listings item is the seller's, under the seller's SKU: to put it twice is to have it once. What was accepted is worked
on afterwards: issues and the ASIN are told by getListingsItem, later.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from libs.http.answer import Answer
from libs.http.errors import Garbage
from libs.marketplaces.amazon.caller import AmazonCaller
from libs.marketplaces.payload import Amount, EmptyIfNone, Malformed, OptionalId, Payload, Word

ITEM = "/listings/2021-08-01/items/{sellerId}/{sku}"
_INCLUDED = "summaries,issues,offers,fulfillmentAvailability"


class AmazonPayload(Payload):
    """A JSON object of the SP-API: camelCase; unknown fields are kept."""

    model_config = ConfigDict(alias_generator=to_camel)


class Summary(AmazonPayload):
    """`summaries[]`: the item on one marketplace. The ASIN comes when Amazon has found or made the product."""

    marketplace_id: Word
    asin: OptionalId = None
    product_type: str | None = None
    item_name: str | None = None
    status: Annotated[list[str], EmptyIfNone] = Field(default_factory=list)


class Price(AmazonPayload):
    """An amount of `offers[]`."""

    amount: Amount
    currency_code: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Offer(AmazonPayload):
    """`offers[]`: the price on one marketplace."""

    marketplace_id: Word
    offer_type: str | None = None
    price: Price


class Availability(AmazonPayload):
    """`fulfillmentAvailability[]`."""

    fulfillment_channel_code: Word
    quantity: int | None = None


class Issue(AmazonPayload):
    """`issues[]`. Severities: ERROR (it is not listed because of it), WARNING, INFO."""

    code: Word
    message: str = ""
    severity: str = "ERROR"


class ListingsItem(AmazonPayload):
    """An item as Amazon tells it."""

    sku: Word
    summaries: Annotated[list[Summary], EmptyIfNone] = Field(default_factory=list)
    offers: Annotated[list[Offer], EmptyIfNone] = Field(default_factory=list)
    fulfillment_availability: Annotated[list[Availability], EmptyIfNone] = Field(default_factory=list)
    issues: Annotated[list[Issue], EmptyIfNone] = Field(default_factory=list)


class Submission(AmazonPayload):
    """The answer to a write: ACCEPTED, or INVALID with issues."""

    sku: Word
    status: Word
    submission_id: OptionalId = None
    issues: Annotated[list[Issue], EmptyIfNone] = Field(default_factory=list)


class Listings:
    """The listings items of one seller. All calls raise an ApiError."""

    def __init__(self, caller: AmazonCaller, seller_id: str) -> None:
        self._caller = caller
        self._seller_id = seller_id

    async def item(self, sku: str, marketplace_id: str) -> ListingsItem:
        """The item; raises NotFound if the seller has none under this SKU."""
        answer = await self._call("GET", sku, {"marketplaceIds": marketplace_id, "includedData": _INCLUDED})
        try:
            return ListingsItem.read(answer.body)
        except Malformed as error:
            raise Garbage(f"GET {ITEM}", str(error), status=answer.status) from None

    async def put(
        self, sku: str, marketplace_id: str, product_type: str, requirements: str, attributes: Mapping[str, Any]
    ) -> Submission:
        """Make the item, or replace it as a whole."""
        body = {"productType": product_type, "requirements": requirements, "attributes": dict(attributes)}
        return _submission("PUT", await self._call("PUT", sku, {"marketplaceIds": marketplace_id}, body))

    async def patch(
        self, sku: str, marketplace_id: str, product_type: str, patches: Sequence[Mapping[str, Any]]
    ) -> Submission:
        """Change parts of it (JSON Patch: add, replace, delete). Replacing twice is harmless, so it is repeated."""
        body = {"productType": product_type, "patches": [dict(each) for each in patches]}
        return _submission("PATCH", await self._call("PATCH", sku, {"marketplaceIds": marketplace_id}, body))

    async def delete(self, sku: str, marketplace_id: str) -> Submission:
        """Delete the seller's item; the product stays in Amazon's catalogue."""
        return _submission("DELETE", await self._call("DELETE", sku, {"marketplaceIds": marketplace_id}))

    async def _call(self, method: str, sku: str, query: Mapping[str, str], body: Any = None) -> Answer:
        path = ITEM.format(sellerId=quote(self._seller_id, safe=""), sku=quote(sku, safe=""))
        return await self._caller.call(method, path, operation=ITEM, query=query, body=body, repeatable=True)


def _submission(method: str, answer: Answer) -> Submission:
    try:
        return Submission.read(answer.body)
    except Malformed as error:
        raise Garbage(f"{method} {ITEM}", str(error), status=answer.status) from None
