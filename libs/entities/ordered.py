"""Which sell listing a marketplace's order line is about: by the ids under which it may stand in the catalog."""

from typing import Any

from libs.db.pool import Connection
from libs.entities.finding import rows
from schemas.orders.order_changed import OrderLine
from schemas.sell_listings.sell_listing_changed import ENTITY as LISTINGS


def names_of(line: OrderLine) -> list[str]:
    """The most exact first: item and variation, the item, our SKU."""
    varied = [f"{line.item_id}:{line.variation_id}"] if line.variation_id else []
    return [*varied, line.item_id, *([line.sku] if line.sku else [])]


async def listing_of(connection: Connection, channel: str, line: OrderLine) -> Any:
    """The row; None: nobody has entered the listing."""
    names = names_of(line)
    found = await rows(connection, LISTINGS, channel=channel, channel_item_id=names)
    return min(found, key=lambda row: names.index(row.channel_item_id), default=None)
