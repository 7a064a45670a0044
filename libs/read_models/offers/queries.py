"""What is asked of the read model offers."""

from libs.db.pool import Connection
from libs.read_models.offers.project import READ_MODEL, OfferRow
from libs.read_models.reads import Cursor, Page, one, page, where


async def offer(connection: Connection, marketplace: str, account: str, offer_id: str) -> OfferRow | None:
    """One offer by its marketplace's own id."""
    return await one(connection, READ_MODEL, f"{marketplace}:{account}:{offer_id}")


async def offers(
    connection: Connection,
    *,
    marketplace: str | None = None,
    account: str | None = None,
    user_id: str | None = None,
    status: str | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> Page[OfferRow]:
    """Offers, newest change first, narrowed by what is given."""
    columns = {"marketplace": marketplace, "account": account, "user_id": user_id, "status": status}
    return await page(connection, READ_MODEL, columns, after=after, limit=limit)


async def offers_of_sku(connection: Connection, marketplace: str, account: str, sku: str) -> list[OfferRow]:
    """Every offer of one SKU, those that have disappeared included."""
    return await where(connection, READ_MODEL, {"marketplace": marketplace, "account": account, "sku_code": sku})


async def skus_of_listing(connection: Connection, marketplace: str, listing_id: str) -> list[str]:
    """The SKUs whose offers are listed so."""
    found = await where(connection, READ_MODEL, {"marketplace": marketplace, "listing_id": listing_id})
    return sorted({row.sku_code for row in found})
