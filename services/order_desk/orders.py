"""A marketplace's order → marketplaceOrders: one for each product in it, moved on by documented steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from libs.commands.command import Command
from libs.db.pool import Connection
from libs.entities.change import CREATE, UPDATE, Change
from libs.entities.finding import rows
from libs.entities.ordered import listing_of, names_of
from libs.pricing.amounts import cents
from libs.privacy.opener import opened
from libs.telemetry.log import get_logger
from schemas.entities import BY_COLLECTION
from schemas.envelope import Envelope
from schemas.marketplace_orders.marketplace_order_changed import MarketplaceOrderStatus
from schemas.orders.order_changed import Buyer, OrderChangedV2, OrderLine, OrderStatus
from schemas.values import Json
from services.order_desk import waiting
from services.order_desk.desk import Desk, is_gone, standing
from services.order_desk.steps import ORDER, conflict, order_way

log = get_logger()

ORDERS, LISTINGS = BY_COLLECTION["marketplaceOrders"], BY_COLLECTION["sellListings"]
_WORKFLOW = ORDERS.workflow
assert _WORKFLOW is not None
_USD = "USD"


@dataclass(frozen=True)
class Sold:
    """What an order holds of one product, in so many of its lines."""

    unified_product_id: int
    market: str
    quantity: int
    unit_price_usd: Decimal
    lines: int = 1


@dataclass(frozen=True)
class Unlinked:
    """What of an order waits: for a line's listing, for its price in US dollars, or for another state of its row."""

    names: tuple[str, ...]
    why: str
    needs_person: bool = False


async def on_order(fact: OrderChangedV2, desk: Desk, cause: Envelope) -> list[int]:
    """The numbers of its rows. What cannot be linked yet waits for its listing.

    What the marketplace says and no documented step leads to waits for the row's next state, and is told to a person.
    """
    numbers, unlinked = await _link(fact, desk, cause)
    if unlinked:
        names = [name for one in unlinked for name in one.names]
        await waiting.park(desk.database, fact, names, "; ".join(one.why for one in unlinked))
        numbers, unlinked = await _link(fact, desk, cause)
    for one in unlinked:
        if one.needs_person:
            log.warning("an order needs a person: no documented step leads to what its marketplace says", what=one.why)
    if not unlinked:
        await waiting.unpark(desk.database, fact)
    return numbers


async def move(desk: Desk, number: int, target: MarketplaceOrderStatus, cause: Envelope) -> int | None:
    """Take an order to a state, step by step; None where it is there, or no documented way leads there."""

    async def plan(command: Command) -> Change | None:
        row = standing(await rows(command.connection, ORDERS, marketplace_order_id=number))
        return None if row is None else _step(row, target)

    return await desk.settle(ORDERS, plan, cause=cause)


async def of_channel(connection: Connection, channel: str, order_ids: Sequence[str]) -> list[Any]:
    """The rows of a marketplace's orders."""
    return await rows(connection, ORDERS, channel=channel, channel_order_id=list(order_ids))


async def _link(fact: OrderChangedV2, desk: Desk, cause: Envelope) -> tuple[list[int], list[Unlinked]]:
    sold: dict[int, Sold] = {}
    unlinked: list[Unlinked] = []
    async with desk.database.connection() as connection:
        for line in fact.lines:
            found = await _sold(connection, fact, line)
            if isinstance(found, Unlinked):
                unlinked.append(found)
            else:
                sold[found.unified_product_id] = _together(sold.get(found.unified_product_id), found)
    address = _address(await opened(fact.buyer, desk.keys)) if sold else {}
    numbers = []
    for one in sold.values():
        row = await _record(fact, one, address, desk, cause)
        if row is not None:
            numbers.append(int(row.key))
            unlinked.extend(_conflicts(fact, row))
    return numbers, unlinked


def _conflicts(fact: OrderChangedV2, row: Any) -> list[Unlinked]:
    why = conflict(row.status, ORDER[fact.status])
    if why is None:
        return []
    number, told = int(row.key), f"{fact.marketplace} says that order {fact.order_id} is {fact.status}"
    name = waiting.state(fact.marketplace, fact.order_id)
    return [Unlinked((name,), f"{told}; marketplaceOrder {number}: {why}", needs_person=True)]


async def _record(fact: OrderChangedV2, sold: Sold, address: Json, desk: Desk, cause: Envelope) -> Any:
    """Make the row, and take it to where the marketplace says that it is; the row as it is then. None: it is gone."""
    told = ORDER[fact.status]
    known: Any = None

    async def plan(command: Command) -> Change | None:
        nonlocal known
        same = await rows(
            command.connection,
            ORDERS,
            gone=True,
            channel=fact.marketplace,
            channel_order_id=fact.order_id,
            unified_product_id=sold.unified_product_id,
        )
        row = standing(same)
        if row is None:
            return None if is_gone(same) else Change(CREATE, None, _fields(fact, sold, address))
        known = row
        return _corrected(row, sold) or (None if told is None else _step(row, told))

    await desk.settle(ORDERS, plan, cause=cause)
    return known


def _corrected(row: Any, sold: Sold) -> Change | None:
    """More units, where the row was made before the listings of all lines were known.

    Only a product of several lines can have been recorded in part: what a person changed of any other stays.
    """
    if sold.lines == 1 or row.quantity >= sold.quantity:
        return None
    return Change(UPDATE, int(row.key), {"quantity": sold.quantity, "sold_price_usd": sold.unit_price_usd})


def _step(row: Any, target: MarketplaceOrderStatus) -> Change | None:
    assert _WORKFLOW is not None
    path = order_way(_WORKFLOW, row.status, target)
    return Change(UPDATE, int(row.key), {"status": path[0]}) if path else None


def _fields(fact: OrderChangedV2, sold: Sold, address: Json) -> Mapping[str, object]:
    return {
        "channel": fact.marketplace,
        "market": sold.market,
        "channel_order_id": fact.order_id,
        "unified_product_id": sold.unified_product_id,
        "quantity": sold.quantity,
        "sold_price_usd": sold.unit_price_usd,
        "buyer_address_json": address,
        "status": ORDER[fact.status] or MarketplaceOrderStatus.NEW,
    }


async def _sold(connection: Connection, fact: OrderChangedV2, line: OrderLine) -> Sold | Unlinked:
    names, channel = names_of(line), fact.marketplace
    listings = tuple(waiting.item(channel, name) for name in names)
    if fact.status is OrderStatus.PAYMENT_PENDING and not line.unit_price.amount:
        return Unlinked(listings, f"{channel} tells no price before the buyer has paid")
    listing = await listing_of(connection, channel, line)
    if listing is None:
        return Unlinked(listings, f"no sell listing of {channel} has the channelItemId {' or '.join(names)}")
    price = line.unit_price
    rate = Decimal(1) if price.currency == _USD else await _rate(connection, listing, price.currency)
    if rate is None:
        return Unlinked(listings, f"no sell listing tells what a {price.currency} is worth in US dollars")
    usd = cents(price.amount * rate)
    return Sold(listing.unified_product_id, listing.market, line.quantity, usd)


async def _rate(connection: Connection, listing: Any, currency: str) -> Decimal | None:
    """The listing's own exchange rate, else the newest that another listing in this currency has."""
    others = await rows(connection, LISTINGS, currency_original=currency)
    newest = sorted(others, key=lambda row: (row.key == listing.key, row.fx_as_of_date))
    return None if not newest else newest[-1].fx_rate_to_usd


def _together(one: Sold | None, other: Sold) -> Sold:
    """Two lines of one product: all units, at their average price."""
    if one is None:
        return other
    units = one.quantity + other.quantity
    total = one.unit_price_usd * one.quantity + other.unit_price_usd * other.quantity
    return Sold(one.unified_product_id, one.market, units, cents(total / units), one.lines + 1)


def _address(buyer: Buyer) -> Json:
    """What the order tells of its buyer; the parcel tells the rest."""
    name = " ".join(filter(None, (buyer.first_name, buyer.last_name))) or buyer.nickname or buyer.id
    return {"name": name} if name else {}
