"""An order: a listing that a buyer has matched."""

from enum import StrEnum

from libs.marketplaces.payload import Id, Moment, OptionalId, Word
from libs.marketplaces.stockx.listing import Payout, ProductRef, VariantRef
from libs.marketplaces.stockx.values import Currency, OptionalAmount, StockXPayload


class ActiveStatus(StrEnum):
    """Statuses of orders that go on. An order's `status` is text: the contract allows any other."""

    CREATED = "CREATED"
    CCAUTHORIZATIONFAILED = "CCAUTHORIZATIONFAILED"
    SHIPPED = "SHIPPED"
    RECEIVED = "RECEIVED"
    AUTHENTICATING = "AUTHENTICATING"
    AUTHENTICATED = "AUTHENTICATED"
    PAYOUTPENDING = "PAYOUTPENDING"
    PAYOUTCOMPLETED = "PAYOUTCOMPLETED"
    SYSTEMFULFILLED = "SYSTEMFULFILLED"
    PAYOUTFAILED = "PAYOUTFAILED"
    SUSPENDED = "SUSPENDED"
    PENDING = "PENDING"
    DONOTSHIP = "DONOTSHIP"


class PastStatus(StrEnum):
    """Statuses of orders that are over."""

    AUTHFAILED = "AUTHFAILED"
    DIDNOTSHIP = "DIDNOTSHIP"
    CANCELED = "CANCELED"
    COMPLETED = "COMPLETED"
    RETURNED = "RETURNED"


class AuthenticationDetails(StockXPayload):
    """What StockX found when it looked at the goods."""

    status: str | None = None
    failure_notes: str | None = None


class Shipment(StockXPayload):
    """How the goods get to StockX. The document's URL may name another host: it is no path of this API."""

    ship_by_date: Moment | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    carrier_code: str | None = None
    shipping_label_url: str | None = None
    shipping_document_url: str | None = None


class Order(StockXPayload):
    """An order; `shipment` is there where one order was asked for. Numbers: `1-2`, Flex `02-…`, Direct `06-…`."""

    order_number: Id
    listing_id: OptionalId = None
    ask_id: OptionalId = None
    amount: OptionalAmount = None
    currency_code: Currency | None = None
    status: Word
    created_at: Moment | None = None
    updated_at: Moment | None = None
    product: ProductRef | None = None
    variant: VariantRef | None = None
    authentication_details: AuthenticationDetails | None = None
    payout: Payout | None = None
    inventory_type: str | None = None
    shipment: Shipment | None = None
