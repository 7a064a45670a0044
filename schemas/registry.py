"""Every event of sellstream, one line each, and the way from a record to the latest version of its fact."""

import re
from dataclasses import dataclass

from pydantic import ValidationError

from schemas.claims import claim_changed
from schemas.deliveries import delivery_decided
from schemas.entities import ENTITIES
from schemas.envelope import Envelope
from schemas.event import EventFamily, Fact
from schemas.exchange_rates import exchange_rates_published
from schemas.feedback import feedback_changed
from schemas.inventory import inventory_changed
from schemas.invoices import invoice_changed
from schemas.item_scores import item_scored
from schemas.items import item_changed
from schemas.listing_commands import listing_change_requested
from schemas.listing_operations import listing_operation_changed
from schemas.listings import listing_changed
from schemas.market_data import market_data_recorded
from schemas.messages import message_changed
from schemas.offers import offer_changed
from schemas.orders import order_changed
from schemas.payments import payment_changed
from schemas.products import product_changed
from schemas.questions import question_changed
from schemas.recorded_sales import recorded_sale_changed
from schemas.search_runs import search_run_changed
from schemas.shipments import shipment_changed
from schemas.stock_items import stock_item_changed
from schemas.webhooks import webhook_received

EVENTS: tuple[EventFamily, ...] = (
    webhook_received.EVENT,
    delivery_decided.EVENT,
    order_changed.EVENT,
    shipment_changed.EVENT,
    payment_changed.EVENT,
    question_changed.EVENT,
    listing_changed.EVENT,
    listing_operation_changed.EVENT,
    listing_change_requested.EVENT,
    inventory_changed.EVENT,
    offer_changed.EVENT,
    message_changed.EVENT,
    claim_changed.EVENT,
    feedback_changed.EVENT,
    invoice_changed.EVENT,
    search_run_changed.EVENT,
    item_changed.EVENT,
    item_scored.EVENT,
    stock_item_changed.EVENT,
    market_data_recorded.EVENT,
    recorded_sale_changed.EVENT,
    exchange_rates_published.EVENT,
    product_changed.EVENT,
    *(entity.event for entity in ENTITIES),
)


class UnreadableEvent(ValueError):
    """A record is not a fact that this program can read; the text says what is wrong with it."""


class UnknownEvent(UnreadableEvent):
    """The record's `ce_type` names no event of ours."""


class FutureVersion(UnreadableEvent):
    """The record was written by a newer program: its version is beyond the latest that this one knows."""


class InvalidData(UnreadableEvent):
    """The record's value is not of the shape that its type and version promise."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one event: what a CloudEvents type stands for."""

    family: EventFamily
    number: int

    @property
    def model(self) -> type[Fact]:
        return self.family.versions[self.number]

    @property
    def type(self) -> str:
        return self.family.type(self.number)

    @property
    def dataschema(self) -> str:
        return self.family.dataschema(self.number)


BY_TYPE = {family.type(number): Version(family, number) for family in EVENTS for number in family.versions}
BY_MODEL = {version.model: version for version in BY_TYPE.values()}
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_LATEST_BY_STEM = {family.type(0).removesuffix("0"): family for family in EVENTS}


def version_of_type(ce_type: str) -> Version:
    """The event version that a `ce_type` names; raise UnknownEvent or FutureVersion."""
    version = BY_TYPE.get(ce_type)
    if version is not None:
        return version
    stem, _, number = ce_type.rpartition(".v")
    family = _LATEST_BY_STEM.get(f"{stem}.v")
    if family is not None and _NUMBER.fullmatch(number) and int(number) > family.latest:
        raise FutureVersion(
            f"{ce_type} was written by a newer sellstream: this one knows {family.name} up to v{family.latest}. "
            "Upgrade this service, then retry the message."
        )
    raise UnknownEvent(f"no event is called {ce_type[:120]!r}")


def read_fact(envelope: Envelope, value: bytes | None) -> Fact:
    """The fact in a record, carried to its latest version; raise UnreadableEvent if it is none."""
    version = version_of_type(envelope.type)
    if value is None:
        raise InvalidData(f"{envelope.type} {envelope.id} has no data")
    try:
        fact = version.model.decode(envelope, value)
    except ValidationError as error:
        raise InvalidData(f"{envelope.type} {envelope.id}: {summary(error)}") from error
    return version.family.upcast(fact, version.number)


def summary(error: ValidationError, most: int = 3) -> str:
    """A validation error in one line, without the input: it may hold personal data or be as large as a sender likes."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{'.'.join(str(part) for part in p['loc']) or 'data'}: {p['msg']}" for p in problems[:most]]
    more = f" (+{len(problems) - most} more)" if len(problems) > most else ""
    return "; ".join(told) + more
