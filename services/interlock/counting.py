"""How many units of which products an order is of, as far as its lines' listings are known."""

from dataclasses import dataclass, field

from libs.db.pool import Connection
from libs.entities.ordered import listing_of, names_of
from schemas.sell_listings.sell_listing_changed import SellListingChangedV1
from services.interlock.goods import linked
from services.interlock.reservations import Sale
from services.interlock.waiting import Ordered


@dataclass(frozen=True, slots=True)
class Counted:
    """Units and the listings that sold, by product; the names under which the other lines' listings may come."""

    units: dict[int, int] = field(default_factory=dict)
    sold_by: dict[int, set[int]] = field(default_factory=dict)
    unlisted: set[str] = field(default_factory=set)

    def sales(self, order_key: str) -> list[Sale]:
        return [Sale(product, order_key, units) for product, units in self.units.items()]


async def count(connection: Connection, order: Ordered, fresh: SellListingChangedV1 | None = None) -> Counted:
    """Lines of one product, and of products that are linked with it, are counted together.

    `fresh`: a listing that was just told: a fact can be read before the command that decided it commits.
    """
    counted = Counted()
    for line in order.lines:
        row = await listing_of(connection, order.marketplace, line)
        if row is not None:
            product, listing = row.unified_product_id, int(row.key)
        elif fresh is not None and fresh.channel_item_id in names_of(line):
            product, listing = fresh.unified_product_id, fresh.sell_listing_id
        else:
            counted.unlisted.update(names_of(line))
            continue
        for one in await linked(connection, {product}):
            counted.units[one] = counted.units.get(one, 0) + line.quantity
            counted.sold_by.setdefault(one, set()).add(listing)
    return counted
