"""Offers: `getOffers`, which tells those of one SKU.

Source: Inventory API 1.18. There is no call for the offers of all SKUs; officially a SKU has at most one per format.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from libs.http.errors import NotFound
from libs.marketplaces.ebay.caller import EbayCaller
from libs.marketplaces.ebay.errors import OFFER_NOT_AVAILABLE, says
from libs.marketplaces.ebay.offer import Offer
from libs.marketplaces.ebay.page_log import logged
from libs.marketplaces.ebay.paging import FIRST, Cursor, Page, Unreadable, pages, read_page

LARGEST_PAGE = 200

_OFFERS = "/sell/inventory/v1/offer"


@dataclass(frozen=True, slots=True)
class OffersOfSku:
    """A SKU's offers, in eBay's order, each id once; `unreadable` are those that were not of the expected form."""

    offers: tuple[Offer, ...]
    unreadable: tuple[Unreadable, ...] = ()


class Offers:
    """The offers of one account."""

    def __init__(self, caller: EbayCaller) -> None:
        self._caller = caller

    async def page(
        self,
        sku: str,
        cursor: Cursor = FIRST,
        *,
        format: str | None = None,
        marketplace_id: str | None = None,
    ) -> Page[Offer]:
        """One page of a SKU's offers; an empty one if it has none (eBay says 404, 25713). Raises an ApiError.

        `format` (FIXED_PRICE, AUCTION) and `marketplace_id` (EBAY_US, …) narrow the list; `cursor.limit` is 1 to 200.
        """
        if not 1 <= cursor.limit <= LARGEST_PAGE:
            raise ValueError(f"limit must be 1 to {LARGEST_PAGE}, not {cursor.limit}")
        narrowed = {"format": format, "marketplace_id": marketplace_id}
        query = {"sku": sku, **cursor.query(), **{name: value for name, value in narrowed.items() if value is not None}}
        return await logged("fetch_offers", self._page(query, cursor), **query)

    async def _page(self, query: Mapping[str, str], cursor: Cursor) -> Page[Offer]:
        try:
            answer = await self._caller.call("GET", _OFFERS, operation=_OFFERS, query=query)
        except NotFound as error:
            if says(error, OFFER_NOT_AVAILABLE):
                return Page(cursor, (), (), 0, None)
            raise
        return read_page(f"GET {_OFFERS}", answer.body, cursor, name="offers", model=Offer, identity=_offer_id)

    async def of_sku(
        self,
        sku: str,
        *,
        limit: int = LARGEST_PAGE,
        format: str | None = None,
        marketplace_id: str | None = None,
    ) -> OffersOfSku:
        """All offers of a SKU, over as many pages as there are. Raises an ApiError."""

        async def fetch(cursor: Cursor) -> Page[Offer]:
            return await self.page(sku, cursor, format=format, marketplace_id=marketplace_id)

        told = [page async for page in pages(fetch, Cursor(0, limit))]
        offers = {offer.offer_id: offer for page in told for offer in page.entries}
        return OffersOfSku(tuple(offers.values()), tuple(each for page in told for each in page.unreadable))


def _offer_id(told: object) -> str | None:
    offer_id = told.get("offerId") if isinstance(told, dict) else None
    return offer_id[:200] if isinstance(offer_id, str) and offer_id else None
