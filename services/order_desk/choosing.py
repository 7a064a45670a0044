"""Which buy offer an order is fulfilled from, and why: pure rules."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

_MOST_NAMED = 3

_UNITS = re.compile(r"(?:days for|The order is for) (\d+) units")

NONE_WITHIN = "No offer is within cost and lead time."


@dataclass(frozen=True, slots=True)
class Offer:
    """A buy offer that is matched with the ordered product. Costs are US dollars a unit, times are days."""

    id: int
    supplier: str
    cost_usd: Decimal
    is_active: bool = True
    stock: int | None = None
    lead_days: int | None = None
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a purchase is held to. `budget_usd` is for one unit."""

    quantity: int
    budget_usd: Decimal
    longest_days: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The offer to buy from, or the one that comes nearest (`within` is False), and the reason in words."""

    offer: Offer
    within: bool
    reason: str


def objection(offer: Offer, limits: Limits) -> str | None:
    """Why an offer is out; None: it is not."""
    wanted = limits.quantity
    lead = offer.lead_days if offer.lead_days is not None else limits.longest_days
    objections = (
        (not offer.is_active, "is not active"),
        (offer.stock is not None and offer.stock < wanted, f"has {offer.stock} of {wanted} in stock"),
        (offer.least is not None and offer.least > wanted, f"sells {offer.least} or more"),
        (offer.most is not None and offer.most < wanted, f"sells {offer.most} at most"),
        (offer.lead_days is None, "does not say how long it takes"),
        (lead > limits.longest_days, f"takes {lead} days, {limits.longest_days} is the most"),
        (
            offer.cost_usd > limits.budget_usd,
            f"costs {offer.cost_usd:.2f} USD a unit, {limits.budget_usd:.2f} is the most",
        ),
    )
    return next((why for holds, why in objections if holds), None)


def choose(offers: Sequence[Offer], limits: Limits) -> Choice | None:
    """The cheapest offer within the limits; of equal ones the fastest, then the oldest. None: there is no offer."""
    if not offers:
        return None
    ranked = sorted(offers, key=lambda one: (one.cost_usd, _days(one), one.id))
    objections = [(one, objection(one, limits)) for one in ranked]
    good = [one for one, why in objections if why is None]
    out = [f"{one.supplier} {why}" for one, why in objections if why is not None]
    left_out = f" Left out: {'; '.join(out[:_MOST_NAMED])}{_more(out)}." if out else ""
    if not good:
        return Choice(ranked[0], False, f"{NONE_WITHIN}{left_out}")
    best = good[0]
    among = "the only offer" if len(good) == 1 else f"the cheapest of {len(good)} offers"
    return Choice(
        best,
        True,
        f"{best.supplier} sells it for {best.cost_usd:.2f} USD a unit within {best.lead_days} days: {among} within "
        f"{limits.budget_usd:.2f} USD and {limits.longest_days} days for {limits.quantity} units.{left_out}",
    )


def units_of(reason: str) -> int | None:
    """For how many units a purchase is, or what was said of its order last; None: a person wrote its reason."""
    told = _UNITS.findall(reason)
    return int(told[-1]) if told else None


def other_units(now: int, then: int) -> str:
    """What is to be done about a purchase that is decided and was for `then` units, when its order is for `now`."""
    do = f"buy {now - then} more" if now > then else f"{then - now} of them are not needed"
    return f"The order is for {now} units now, this purchase was for {then}: {do}."


def _days(offer: Offer) -> float:
    return float("inf") if offer.lead_days is None else offer.lead_days


def _more(out: Sequence[str]) -> str:
    return f"; and {len(out) - _MOST_NAMED} more" if len(out) > _MOST_NAMED else ""
