"""An order → procurementJobs: from the best active buy offer within cost and lead time; rejected, from the next best.

| the order's purchases                            | what is proposed                                                 |
|--------------------------------------------------|------------------------------------------------------------------|
| none                                             | the best offer; none is within: the cheapest, rejected           |
| one is pending, approved, ordered or received    | nothing                                                          |
| all are rejected, by a person or by the desk     | the best offer of a supplier that was not; none is within: the   |
|                                                  | last one's reason says so                                        |
| they were deleted                                | nothing: what somebody deleted stays deleted                     |
| one is for other units than the order has now    | pending: it is proposed anew, for all units; decided: its reason |
|                                                  | says how many more are to be bought, or how many too many        |
"""

from datetime import date
from decimal import Decimal
from typing import Any

from libs.commands.command import Command
from libs.db.pool import Connection
from libs.entities.change import CREATE, UPDATE, Change
from libs.entities.finding import rows
from libs.pricing.amounts import cents
from libs.pricing.cost_rules import ANY, CostRule, CostRules, NoCostRule, fees
from libs.telemetry.log import get_logger
from schemas.entities import BY_COLLECTION
from schemas.envelope import Envelope
from schemas.marketplace_orders.marketplace_order_changed import MarketplaceOrderStatus as Order
from schemas.procurement_jobs.procurement_job_changed import ProcurementDecision as Decision
from services.order_desk.choosing import NONE_WITHIN, Choice, Limits, Offer, choose, other_units, units_of
from services.order_desk.desk import Desk, standing
from services.order_desk.orders import ORDERS

log = get_logger()

JOBS, OFFERS = BY_COLLECTION["procurementJobs"], BY_COLLECTION["buyOffers"]
MATCHES, RULES, PRODUCTS = (BY_COLLECTION[one] for one in ("productMatches", "costRules", "unifiedProducts"))

SURE = Decimal("0.8")
"""Matches above this confidence count without a person's word: the document's best practices."""

_NO_OTHER = "No other offer is within cost and lead time."

_OPEN = frozenset({Order.NEW, Order.CONFIRMED, Order.PROCESSING})
_UNDECIDED = frozenset({Decision.PENDING, Decision.APPROVED})


async def procure(order: int, desk: Desk, cause: Envelope) -> int | None:
    """The number of the job that was made for an order, or given up with it."""

    async def plan(command: Command) -> Change | None:
        connection = command.connection
        row = standing(await rows(connection, ORDERS, marketplace_order_id=order))
        jobs = await rows(connection, JOBS, gone=True, marketplace_order_id=order)
        if row is None:
            return None
        if row.status == Order.CANCELLED:
            return _given_up(jobs)
        followed = await _followed(connection, row, jobs, desk)
        if followed is not None:
            return followed
        if row.status not in _OPEN or not _lacks_purchase(jobs):
            return None
        return await _proposed(connection, row, jobs, desk)

    return await desk.settle(JOBS, plan, cause=cause, looks_at=(OFFERS, MATCHES, RULES, PRODUCTS))


async def waiting_orders(connection: Connection, unified_product_id: int) -> list[int]:
    """The open orders of a product that have no purchase, or only rejected ones."""
    found = await rows(connection, ORDERS, unified_product_id=unified_product_id, status=[str(one) for one in _OPEN])
    numbers = [int(row.key) for row in found]
    jobs = await rows(connection, JOBS, gone=True, marketplace_order_id=numbers)
    return [each for each in numbers if _lacks_purchase([job for job in jobs if job.marketplace_order_id == each])]


def _lacks_purchase(jobs: list[Any]) -> bool:
    """Whether nothing was proposed for an order, or all that was is rejected."""
    standing_jobs = [job for job in jobs if not job.deleted]
    return not jobs or (bool(standing_jobs) and all(job.decision == Decision.REJECTED for job in standing_jobs))


async def _proposed(connection: Connection, order: Any, jobs: list[Any], desk: Desk) -> Change | None:
    budget, told = await _budget(connection, order, desk)
    limits = Limits(order.quantity, budget, desk.longest_lead_days)
    tried = {job.supplier_candidate for job in jobs}
    offers = await _offers(connection, order.unified_product_id)
    choice = choose([offer for offer in offers if offer.supplier not in tried], limits)
    if jobs and (choice is None or not choice.within):
        return _none_left(jobs, choice)
    if choice is None:
        return None
    before = f" Rejected before: {', '.join(sorted(tried))}." if tried else ""
    return Change(CREATE, None, _fields(order, choice, budget, f"{told}{before}"))


async def _followed(connection: Connection, order: Any, jobs: list[Any], desk: Desk) -> Change | None:
    """Take a purchase to the units that its order has now."""
    for job in jobs:
        units = units_of(job.reason)
        if job.deleted or job.decision == Decision.REJECTED or units in (None, order.quantity):
            continue
        if job.decision == Decision.PENDING and order.status in _OPEN:
            return await _anew(connection, order, job, [one for one in jobs if one.key != job.key], desk)
        told = other_units(order.quantity, units)
        return Change(UPDATE, int(job.key), {"reason": f"{job.reason.rstrip('. ')}. {told}"})
    return None


async def _anew(connection: Connection, order: Any, job: Any, others: list[Any], desk: Desk) -> Change:
    """Propose again what was proposed for other units: perhaps another supplier has so many, perhaps none."""
    budget, told = await _budget(connection, order, desk)
    tried = {one.supplier_candidate for one in others}
    offers = await _offers(connection, order.unified_product_id)
    limits = Limits(order.quantity, budget, desk.longest_lead_days)
    choice = choose([offer for offer in offers if offer.supplier not in tried], limits)
    if choice is None:
        return Change(UPDATE, int(job.key), {"decision": Decision.REJECTED, "reason": f"{NONE_WITHIN} {told}"})
    before = f"Proposed before, for other units: {job.supplier_candidate}."
    fields = _fields(order, choice, budget, f"{told} {before}")
    # A decision is a step of the workflow, and "pending" is no step from itself.
    same = {"decision"} if fields["decision"] == job.decision else set()
    return Change(UPDATE, int(job.key), {name: value for name, value in fields.items() if name not in same})


def _none_left(jobs: list[Any], choice: Choice | None) -> Change | None:
    """The last rejected purchase says that no other is possible, once."""
    last = [job for job in jobs if not job.deleted][-1]
    if _NO_OTHER in last.reason or last.reason.startswith(NONE_WITHIN):
        return None
    told = choice.reason.removeprefix(NONE_WITHIN) if choice is not None else ""
    return Change(UPDATE, int(last.key), {"reason": f"{last.reason.rstrip('. ')}. {_NO_OTHER}{told}"})


def _fields(order: Any, choice: Choice, budget: Decimal, told: str) -> dict[str, Any]:
    return {
        "marketplace_order_id": int(order.key),
        "supplier_candidate": choice.offer.supplier,
        "max_buy_cost_usd": max(Decimal(0), cents(budget * order.quantity)),
        "decision": Decision.PENDING if choice.within else Decision.REJECTED,
        "reason": f"{choice.reason} {told}",
    }


def _given_up(jobs: list[Any]) -> Change | None:
    undecided = [job for job in jobs if not job.deleted and job.decision in _UNDECIDED]
    if not undecided:
        return None
    given_up = {"decision": Decision.REJECTED, "reason": f"The order was cancelled. Before: {undecided[0].reason}"}
    return Change(UPDATE, int(undecided[0].key), given_up)


async def _offers(connection: Connection, product: int) -> list[Offer]:
    matches = await rows(connection, MATCHES, unified_product_id=product, entity_type="buy")
    sure = [match.entity_id for match in matches if match.confidence > SURE]
    return [
        Offer(
            int(row.key),
            row.supplier_name,
            row.buy_cost_usd,
            row.is_active,
            row.stock_level,
            row.lead_time_days,
            row.min_quantity,
            row.max_quantity,
        )
        for row in await rows(connection, OFFERS, buy_offer_id=sure)
    ]


async def _budget(connection: Connection, order: Any, desk: Desk) -> tuple[Decimal, str]:
    """What one unit may cost at most, and how that was told."""
    product = standing(await rows(connection, PRODUCTS, unified_product_id=order.unified_product_id))
    category = str((product.attributes_json if product is not None else {}).get("category") or ANY)
    found = [_rule(row) for row in await rows(connection, RULES, channel=order.channel)]
    rules = CostRules(rule for rule in found if rule is not None)
    price, least = order.sold_price_usd, desk.least_profit_usd
    today: date = desk.now().date()
    try:
        charged = fees(rules.on(today, order.channel, order.market, category), price)
    except NoCostRule:
        return price - least, f"It was sold for {price:.2f} USD; no cost rule holds for {order.channel}."
    kept = f" and {least:.2f} USD profit" if least else ""
    return price - charged - least, f"It was sold for {price:.2f} USD, less {charged:.2f} USD fees{kept}."


def _rule(row: Any) -> CostRule | None:
    """None: nothing can be computed from it. The catalog refuses such rules now; one may stand there from before."""
    try:
        return _cost_rule(row)
    except ValueError as error:
        log.warning("a cost rule counts for nothing: correct it", cost_rule_id=int(row.key), reason=str(error))
        return None


def _cost_rule(row: Any) -> CostRule:
    return CostRule(
        id=int(row.key),
        channel=row.channel,
        market=row.market,
        category=row.category,
        fee_percent=row.fee_percent,
        fixed_fee_usd=row.fixed_fee_usd,
        ads_percent=row.ads_percent,
        returns_rate=row.returns_rate,
        avg_return_cost_usd=row.avg_return_cost_usd,
        packaging_cost_usd=row.packaging_cost_usd,
        other_cost_usd=row.other_cost_usd,
        effective_from=row.effective_from,
        effective_to=row.effective_to,
    )
