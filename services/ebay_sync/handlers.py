"""What a notification leads to: a look at just what it names, or another named fate.

| it names  | asked                                   | published, if it is news                                  |
|-----------|-----------------------------------------|-----------------------------------------------------------|
| a listing | the SKU's item, then its offers         | the item's and the offers' states, what of it disappeared |
| an order  | the order                               | the order's state                                         |

Facts are published in the transaction that remembers them (stock.py, order_book.py), not by the consumer: runs and
polls bring the same states, and one of them must know of the other.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from libs.access.fates import WAIT_FOR_TURN
from libs.bus.message import Outgoing, Received
from libs.bus.outcome import ErrorClass, Ignore, Reject, Retry, Wait
from libs.bus.publisher import NotPublished, Publisher
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.http.errors import ApiError, NotFound
from libs.marketplaces.ebay.notice import Notice, read_notice
from libs.marketplaces.ebay.translate import MARKETPLACE
from libs.marketplaces.payload import Malformed
from schemas.envelope import Envelope
from schemas.webhooks.webhook_received import WebhookReceivedV1
from services.ebay_sync import known
from services.ebay_sync.fates import fate_of
from services.ebay_sync.order_book import OrderBook, Told
from services.ebay_sync.publishing import TooLarge
from services.ebay_sync.sellers import Seller, Sellers
from services.ebay_sync.stock import Answer, Stock
from services.ebay_sync.unreadable_orders import TOPIC as ORDER_POLLED


@dataclass(frozen=True)
class Deps:
    """`settle`: how long eBay's answers may lag behind a notification; so long a missing order is not given up."""

    sellers: Sellers
    database: Database
    publisher: Publisher
    orders: OrderBook
    settle: timedelta = timedelta(seconds=10)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Kind(StrEnum):
    """What a notification is about."""

    LISTING = "listing"
    ORDER = "order"


@dataclass(frozen=True)
class _Wanted:
    kind: Kind
    id: str
    sellers: tuple[Seller, ...]


async def on_webhooks(batch: Sequence[Received], deps: Deps) -> list[Outgoing]:
    """Notifications of one key, oldest first: one look at each thing they name, however many they are."""
    wanted: dict[_Wanted, Received] = {}
    ignored: list[str] = []
    for received in batch:
        target = _target(received, deps)
        if isinstance(target, str):
            ignored.append(target)
        else:
            wanted[target] = received
    looked = 0
    for target, newest in wanted.items():
        try:
            objection = await _LOOKS[target.kind](target, newest.envelope, deps)
        except Ignore as fate:
            objection = str(fate)
        except ApiError as error:
            raise fate_of(error) from error
        except TooLarge as error:
            raise Reject(str(error), ErrorClass.POISON) from error
        except (DatabaseAway, NotMigrated, NotPublished) as error:
            raise Wait(str(error), WAIT_FOR_TURN) from error
        if objection is None:
            looked += 1
        else:
            ignored.append(objection)
    if not looked:
        raise Ignore("; ".join(dict.fromkeys(ignored)))
    return []


def _target(received: Received, deps: Deps) -> _Wanted | str:
    """What a notification asks to look at, or why it is ignored; raise Reject."""
    hint = received.fact
    if not isinstance(hint, WebhookReceivedV1):
        raise Reject(f"{received.envelope.type} is no webhook", ErrorClass.CONTRACT)
    if hint.marketplace != MARKETPLACE:
        return f"a delivery of {hint.marketplace}"
    topic = hint.notification_topic
    if topic in IGNORED:
        return f"the topic {topic}: {IGNORED[topic]}"
    kind = HANDLERS.get(topic)
    if kind is None:
        raise Reject(f"the topic {topic[:80]!r} is unknown: add it to HANDLERS or IGNORED", ErrorClass.CONTRACT)
    try:
        notice = read_notice(hint.body)
    except Malformed as error:
        raise Reject(f"{topic}: {error}", ErrorClass.CONTRACT) from None
    identity = _named(kind, notice)
    if identity is None:
        raise Reject(f"{topic} names no {kind}", ErrorClass.CONTRACT)
    sellers = deps.sellers.notified_at(hint.account, notice.seller)
    if not sellers:
        raise Reject(
            f"no account is notified at {hint.account}: name it as `destination` in EBAY_SYNC_ACCOUNTS, then retry",
            ErrorClass.POLICY,
        )
    return _Wanted(kind, identity, sellers)


def _named(kind: Kind, notice: Notice) -> str | None:
    return notice.order_id if kind is Kind.ORDER else notice.listing_id


async def _look_at_listing(wanted: _Wanted, cause: Envelope, deps: Deps) -> str | None:
    """Take in the SKUs that are listed so; or why there is none. Raises an ApiError, DatabaseAway, NotPublished."""
    sellers = {one.account: one for one in wanted.sellers}
    async with deps.database.connection() as connection:
        found = await known.skus_of_listing(connection, list(sellers), wanted.id)
    if not found:
        for seller in wanted.sellers:
            await Stock(deps.database, deps.publisher, seller.owner).suspect_unlisted()
        return (
            f"no known offer is listed as {wanted.id}: it was not made by the Inventory API, or it is new; "
            "the next incremental offers run asks for the SKUs without a listing"
        )
    for account, sku in found:
        await _look_at_sku(sellers[account], sku, cause, deps)
    return None


async def _look_at_sku(seller: Seller, sku: str, cause: Envelope, deps: Deps) -> None:
    stock = Stock(deps.database, deps.publisher, seller.owner, cause=cause)
    asked_at = deps.now()
    try:
        item = await seller.ebay.inventory.item(sku)
    except NotFound:
        await stock.take_disappearance([sku], asked_at)
        return
    await stock.take_items([item], asked_at)
    asked_at = deps.now()
    told = await seller.ebay.offers.of_sku(sku)
    if told.unreadable:  # taken as they are, these would look as if they had disappeared
        raise Retry(f"an offer of {sku} is unreadable: {told.unreadable[0].reason}", error_class=ErrorClass.POISON)
    await stock.take_offers({sku: Answer(told.offers, asked_at)})


async def _look_at_order(wanted: _Wanted, cause: Envelope, deps: Deps) -> str | None:
    """Take in the order from the account that has it. Raises a fate, an ApiError, DatabaseAway, NotPublished."""
    errors: list[ApiError] = []
    for seller in wanted.sellers:
        asked_at = deps.now()
        try:
            order = await seller.ebay.orders.order(wanted.id)
        except ApiError as error:
            errors.append(error)
            continue
        try:
            told = Told.of(order, seller.account, asked_at)
        except Malformed as error:
            raise Retry(f"order of {seller.account}: {error}", error_class=ErrorClass.POISON) from error
        published = await deps.orders.take(seller.account, [told], cause)
        return None if published else "this state of the order, or a newer one, was published before"
    # One account's dead credentials must not hide that another one may have it.
    worst = next((error for error in errors if not isinstance(error, NotFound)), errors[0])
    # At most `settle`: the time is by the clock of another process, which may be an hour ahead of ours.
    unsettled = min(deps.settle, cause.time + deps.settle - deps.now())
    raise fate_of(worst, unsettled) from worst


_LOOKS: Mapping[Kind, Callable[[_Wanted, Envelope, Deps], Awaitable[str | None]]] = {
    Kind.LISTING: _look_at_listing,
    Kind.ORDER: _look_at_order,
}

HANDLERS: Mapping[str, Kind] = {
    "ITEM_AVAILABILITY": Kind.LISTING,
    "ITEM_PRICE_REVISION": Kind.LISTING,
    "PRIORITY_LISTING_REVISION": Kind.LISTING,
    "ORDER_CONFIRMATION": Kind.ORDER,
    ORDER_POLLED: Kind.ORDER,
}

_POLLED = "what it changes of an order is found by the poll"
_TO_BUYERS = "it is told to buyers, or about one's own purchases and bids"
_TALK = "messages, feedback and haggling at eBay are not kept"
_METRICS = "the seller's figures and limits at eBay are not kept"
_ADVERTISING = "advertising at eBay is not kept"

IGNORED: Mapping[str, str] = {
    "MARKETPLACE_ACCOUNT_DELETION": "the service privacy handles it",
    "AUTHORIZATION_REVOCATION": "the account's next call is refused, and says so",
    "ORDER_CANCELLATION_ACTIVITY": _POLLED,
    "ITEM_COMMITMENT_CANCELLATION_ACTIVITY": _POLLED,
    "PURCHASE_QUOTE_CANCELLATION_ACTIVITY": _POLLED,
    "ORDER_RETURN_ACTIVITY": _POLLED,
    "ORDER_INQUIRY_ACTIVITY": _POLLED,
    "ITEM_MARKED_SHIPPED": _TO_BUYERS,
    "AUCTION_ENDED": "an order that comes of it is notified itself; the offer is found by the next offers run",
    "WATCHLIST_REVISION": _TO_BUYERS,
    "BUYER_QUESTION": _TALK,
    "NEW_MESSAGE": _TALK,
    "FEEDBACK_LEFT": _TALK,
    "FEEDBACK_RECEIVED": _TALK,
    "FEEDBACK_STAR_RATING": _TALK,
    "OFFER_ACTIVITY": _TALK,
    "BUYER_REQUESTED_PURCHASE_QUOTE": _TALK,
    "SELLER_STANDARDS_PROFILE_METRICS": _METRICS,
    "SELLER_CUSTOMER_SERVICE_METRIC_RATING": _METRICS,
    "BULK_DATA_TRANSFER_THRESHOLD": _METRICS,
    "REGULATORY_GUIDELINE": _METRICS,
    "LISTING_PREVIEW_CREATION_TASK_STATUS": "no listings are made here by that way",
    "PLA_CAMPAIGN_BUDGET_STATUS": _ADVERTISING,
}
"""Topics of which nothing is done here, and why."""
