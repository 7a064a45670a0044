"""Listings: every write is answered with the operation that StockX began; what came of it is told by polling."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from libs.marketplaces.stockx.caller import StockXCaller, shaped
from libs.marketplaces.stockx.listing import Listing, ListingChange, ListingStatus, NewListing
from libs.marketplaces.stockx.operation import Operation
from libs.marketplaces.stockx.paging import Page, page_query, pages, read_page
from libs.marketplaces.stockx.routes import ACTIVATE, DEACTIVATE, LISTING, LISTINGS

LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class ListingFilter:
    """What `GET /selling/listings` is narrowed by; `statuses` may not hold DELETED. Days are those of the creation."""

    product_ids: Sequence[str] = ()
    variant_ids: Sequence[str] = ()
    batch_ids: Sequence[str] = ()
    statuses: Sequence[ListingStatus] = ()
    inventory_types: Sequence[str] = ()
    from_date: date | None = None
    to_date: date | None = None
    expired: bool | None = None

    def query(self) -> Mapping[str, str | None]:
        return {
            "productIds": ",".join(self.product_ids),
            "variantIds": ",".join(self.variant_ids),
            "batchIds": ",".join(self.batch_ids),
            "listingStatuses": ",".join(self.statuses),
            "inventoryTypes": ",".join(self.inventory_types),
            "fromDate": self.from_date.isoformat() if self.from_date else None,
            "toDate": self.to_date.isoformat() if self.to_date else None,
            "isExpired": None if self.expired is None else str(self.expired).lower(),
        }


EVERYTHING = ListingFilter()


class Listings:
    """The listings of one account.

    No write is repeated here. Where errors.may_have_happened says so, look before sending it again: StockX has no
    idempotency key, and takes several listings of one variant.
    """

    def __init__(self, caller: StockXCaller) -> None:
        self._caller = caller

    async def create(self, listing: NewListing) -> Operation:
        """Create a listing, active (with an ask) or inactive; the operation names its id. Raises BadRequest."""
        answer = await self._caller.call("POST", LISTINGS, body=listing.body())
        return shaped(Operation, f"POST {LISTINGS}", answer)

    async def update(self, listing_id: str, change: ListingChange) -> Operation:
        """Change amount, currency or expiry. Raises BadRequest or NotFound."""
        answer = await self._caller.call("PATCH", LISTING, ids={"listingId": listing_id}, body=change.body())
        return shaped(Operation, f"PATCH {LISTING}", answer)

    async def delete(self, listing_id: str) -> Operation:
        """Delete a listing and its ask. Raises BadRequest or NotFound."""
        answer = await self._caller.call("DELETE", LISTING, ids={"listingId": listing_id})
        return shaped(Operation, f"DELETE {LISTING}", answer)

    async def activate(self, listing_id: str, change: ListingChange | None = None) -> Operation:
        """Put the listing's ask on the market, changed if need be. Raises BadRequest or NotFound."""
        body = (change or ListingChange()).body()
        answer = await self._caller.call("PUT", ACTIVATE, ids={"listingId": listing_id}, body=body)
        return shaped(Operation, f"PUT {ACTIVATE}", answer)

    async def deactivate(self, listing_id: str) -> Operation:
        """Take the listing's ask off the market. Raises BadRequest or NotFound."""
        answer = await self._caller.call("PUT", DEACTIVATE, ids={"listingId": listing_id})
        return shaped(Operation, f"PUT {DEACTIVATE}", answer)

    async def listing(self, listing_id: str) -> Listing:
        """One listing with its last operation; raises NotFound."""
        return await self._caller.read(Listing, LISTING, {"listingId": listing_id})

    async def page(
        self, number: int = 1, size: int = LARGEST_PAGE, chosen: ListingFilter = EVERYTHING
    ) -> Page[Listing]:
        """One page of the account's listings."""
        query = page_query(number, size, LARGEST_PAGE, chosen.query())
        answer = await self._caller.call("GET", LISTINGS, query=query)
        return read_page(f"GET {LISTINGS}", answer, Listing, "listings", number)

    def pages(self, chosen: ListingFilter = EVERYTHING, size: int = LARGEST_PAGE) -> AsyncIterator[Page[Listing]]:
        """All pages. Listings that come or go meanwhile move the others: one may come twice or not at all."""
        return pages(partial(self.page, size=size, chosen=chosen))
