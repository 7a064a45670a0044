"""What a notification leads to: its resource's whole state as MercadoLibre tells it now, or another named fate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from libs.bus.message import Outgoing, Received
from libs.bus.outcome import ErrorClass, Ignore, Reject, Retry
from libs.http.errors import ApiError
from libs.marketplaces.identity import state_id
from libs.marketplaces.mercadolibre import translate, translate_after_sale
from libs.marketplaces.mercadolibre.client import MISSING, MercadoLibre
from libs.marketplaces.mercadolibre.resources import Kind, NotAResource, Resource, pointed_at, topic_name
from libs.marketplaces.payload import Malformed
from schemas.claims.claim_changed import ClaimChangedV1
from schemas.feedback.feedback_changed import FeedbackChangedV1
from schemas.invoices.invoice_changed import InvoiceChangedV1
from schemas.listings.listing_changed import ListingChangedV1
from schemas.messages.message_changed import MessageChangedV1
from schemas.orders.order_changed import OrderChangedV2
from schemas.payments.payment_changed import PaymentChangedV1
from schemas.questions.question_changed import QuestionChangedV1
from schemas.shipments.shipment_changed import ShipmentChangedV1
from schemas.webhooks.webhook_received import WebhookReceivedV1
from services.mercadolibre_enricher.fates import fate_of
from services.mercadolibre_enricher.recent import RecentStates, State

StateFact = (
    OrderChangedV2
    | ShipmentChangedV1
    | QuestionChangedV1
    | PaymentChangedV1
    | ListingChangedV1
    | MessageChangedV1
    | ClaimChangedV1
    | FeedbackChangedV1
    | InvoiceChangedV1
)


@dataclass(frozen=True)
class Enrichment:
    """How notifications of one topic are answered: what they point to, and the fact that it becomes."""

    kind: Kind
    fact: Callable[[Any, str], StateFact]


@dataclass(frozen=True)
class Deps:
    """`accounts` are the clients by our name of the account.

    `settle` is how long after a notification MercadoLibre's answers may still lag behind it: so long a missing resource
    or a partial answer is looked at again.
    """

    accounts: Mapping[str, MercadoLibre]
    settle: timedelta = timedelta(seconds=10)
    recent: RecentStates = field(default_factory=RecentStates)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True)
class _Wanted:
    account: str
    resource: Resource


class _Hint(BaseModel):
    """The one thing of a notification's body that its envelope may lack."""

    model_config = ConfigDict(extra="ignore")

    resource: str | int | None = None


async def on_webhooks(batch: Sequence[Received], deps: Deps) -> list[Outgoing]:
    """Notifications of one key, oldest first: one look at each resource they point to, however many they are."""
    wanted: dict[_Wanted, list[Received]] = {}
    ignored: list[str] = []
    for received in batch:
        target = _target(received, deps)
        if isinstance(target, str):
            ignored.append(target)
        else:
            wanted.setdefault(target, []).append(received)
    facts: list[Outgoing] = []
    for target, causes in wanted.items():
        outgoing = await _look_at(target, causes, deps)
        if isinstance(outgoing, str):
            ignored.append(outgoing)
        else:
            facts.append(outgoing)
    if not facts:
        raise Ignore("; ".join(dict.fromkeys(ignored)))
    return facts


def _target(received: Received, deps: Deps) -> _Wanted | str:
    """What a notification asks to look at, or why it is ignored; raise Reject."""
    hint = received.fact
    if not isinstance(hint, WebhookReceivedV1):
        raise Reject(f"{received.envelope.type} is no webhook", ErrorClass.CONTRACT)
    if hint.marketplace != translate.MARKETPLACE:
        return f"a delivery of {hint.marketplace}"
    topic = topic_name(hint.notification_topic)
    if topic in IGNORED:
        return f"the topic {topic} tells nothing that is kept"
    enrichment = HANDLERS.get(topic)
    if enrichment is None:
        raise Reject(
            f"the topic {hint.notification_topic[:80]!r} is unknown: add it to HANDLERS or IGNORED", ErrorClass.CONTRACT
        )
    if hint.account not in deps.accounts:
        raise Reject(
            f"the account {hint.account} is not configured here: add it to MERCADOLIBRE_ENRICHER_ACCOUNTS, then retry",
            ErrorClass.POLICY,
        )
    try:
        return _Wanted(hint.account, pointed_at(enrichment.kind, hint.resource or _told_resource(hint.body)))
    except NotAResource as error:
        raise Reject(str(error), ErrorClass.CONTRACT) from None


def _told_resource(body: bytes) -> str | int | None:
    try:
        return _Hint.model_validate_json(body).resource
    except ValidationError:
        return None


async def _look_at(target: _Wanted, causes: Sequence[Received], deps: Deps) -> Outgoing | str:
    """The fact of a resource's state now, or why it need not be published."""
    # At most `settle`: the time is by the clock of another process, which may be an hour ahead of ours.
    unsettled = min(deps.settle, causes[-1].envelope.time + deps.settle - deps.now())
    operation = f"{target.resource.kind.value} of {target.account}"
    try:
        fetched = await deps.accounts[target.account].fetch(target.resource)
        fact = _FACTS[target.resource.kind](fetched.payload, target.account)
    except ApiError as error:
        raise fate_of(error, unsettled) from error
    except Malformed as error:
        raise Retry(f"{operation}: {error}", error_class=ErrorClass.POISON) from error
    if fetched.missing:
        told = ", ".join(fetched.missing)
        if unsettled > timedelta(0):
            raise Retry(f"{operation}: the answer is partial, it lacks {told[:200]}", after=unsettled)
        fact = fact.model_copy(update={"raw": {**fact.raw, MISSING: list(fetched.missing)}})
    identity = state_id(fact, fact.updated_at)
    state = State(
        identity,
        fact.updated_at,
        whole=not fetched.missing,
        causes=frozenset(cause.envelope.id for cause in causes),
    )
    objection = deps.recent.objection((type(fact), fact.key()), state)
    return objection or Outgoing(fact, id=identity)


HANDLERS: Mapping[str, Enrichment] = {
    "orders_v2": Enrichment(Kind.ORDER, translate.order_changed),
    "shipments": Enrichment(Kind.SHIPMENT, translate.shipment_changed),
    "questions": Enrichment(Kind.QUESTION, translate.question_changed),
    "payments": Enrichment(Kind.PAYMENT, translate.payment_changed),
    "items": Enrichment(Kind.ITEM, translate.listing_changed),
    "messages": Enrichment(Kind.MESSAGE, translate_after_sale.message_changed),
    "post_purchase": Enrichment(Kind.CLAIM, translate_after_sale.claim_changed),  # its actions: claims, claims_actions
    "claims": Enrichment(Kind.CLAIM, translate_after_sale.claim_changed),  # the name before 2024
    "claims_actions": Enrichment(Kind.CLAIM, translate_after_sale.claim_changed),
    "orders_feedback": Enrichment(Kind.FEEDBACK, translate_after_sale.feedback_changed),
    "invoices": Enrichment(Kind.INVOICE, translate_after_sale.invoice_changed),
}

IGNORED = frozenset(
    {
        # about goods: a price or stock that matters here also comes as `items`
        "items_prices",
        "price_suggestion",
        "stock_location",
        "stock_locations",
        "user_products",
        "user_products_families",
        "fbm_stock_operations",
        "catalog_item_competition_status",
        "catalog_suggestions",
        "public_offers",
        "public_candidates",
        # about people: leads of real estate and vehicles, which are not sold here
        "quotations",
        "vis_leads",
        "leads_credits",
        # about parcels between carriers: what matters also comes as `shipments`
        "flex_handshakes",
    }
)

_FACTS = {enrichment.kind: enrichment.fact for enrichment in HANDLERS.values()}
