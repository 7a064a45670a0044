"""The repricer: one listing, one rule, the competitors as they are, to a proposed price and its explanation.

In this order (what comes later has the last word):
1. `target`: beside the cheapest competitor that counts (same condition, or an unknown one where the rule lets it count;
   not our own offer, not an outlier).
2. `fallback`: no competitor counts, so the rule's fallback price, or the present one.
3. `already winning`: never lower while we win: it would give money away for nothing.
4. `largest drop`, `largest rise`: never further than that in one change.
5. `bounds`: never below the minimum, never above the maximum; the minimum wins where they cross.

The same inputs always give the same proposal; a proposal that was carried out in full proposes no change again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from libs.pricing.amounts import CENT, cents, checked_usd
from libs.pricing.bounds import Bounds
from libs.pricing.outliers import Competitor, comparable, without_outliers
from libs.pricing.repricing_rule import Mode, Position, Priced, RepricingRule, bounds


class StepName(StrEnum):
    TARGET = "target"
    FALLBACK = "fallback"
    ALREADY_WINNING = "already winning"
    LARGEST_DROP = "largest drop"
    LARGEST_RISE = "largest rise"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"


GUARDRAILS = frozenset(StepName) - {StepName.TARGET, StepName.FALLBACK}


@dataclass(frozen=True, slots=True)
class Step:
    """One step that set or changed the price. The first starts from the present price."""

    name: StepName
    before: Decimal
    after: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class Considered:
    """The competitors as they were seen: how many counted, and why the others did not."""

    counted: int
    other_condition: int
    unknown_condition: int
    """Left out, because the rule does not count them; what it counts is in `counted`."""
    outliers: int
    lowest_usd: Decimal | None
    lowest_seller: str | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A price in cents, and everything that it follows from."""

    current_usd: Decimal
    price_usd: Decimal
    rule_id: int
    rule_version: int
    mode: Mode
    competitors: Considered
    bounds: Bounds
    steps: tuple[Step, ...]

    @property
    def changes(self) -> bool:
        return self.price_usd != self.current_usd

    @property
    def guardrails(self) -> tuple[StepName, ...]:
        """The limits that changed the outcome."""
        return tuple(step.name for step in self.steps if step.name in GUARDRAILS)

    @property
    def explanation(self) -> str:
        """The whole decision in sentences, for people."""
        end = f"Price: {self.price_usd} USD." if self.changes else f"No change: {self.price_usd} USD stays."
        return " ".join([*(step.reason for step in self.steps), end])


def propose(rule: RepricingRule, listing: Priced, competitors: Sequence[Competitor]) -> Proposal:
    """The price that the rule proposes now; raise AmountRefused, BoundUnknown."""
    current = checked_usd(listing.current_usd, "the present price")
    limits = bounds(rule, listing)
    seen = _considered(rule, listing, competitors)
    steps = [_first(rule, current, seen)]
    steps += _when_winning(listing, current, seen, steps[-1].after)
    steps += _largest_step(rule, current, steps[-1].after)
    steps += _bounded(limits, steps[-1].after)
    price = steps[-1].after
    return Proposal(current, price, rule.id, rule.version, rule.mode, seen, limits, tuple(steps))


def _considered(rule: RepricingRule, listing: Priced, competitors: Sequence[Competitor]) -> Considered:
    others = [each for each in competitors if not listing.seller or each.seller != listing.seller]
    alike = comparable(others, rule.condition, unknown=rule.unknown_condition_counts)
    unknown = 0 if rule.unknown_condition_counts else sum(each.condition is None for each in others)
    counted = without_outliers(alike)
    lowest = min(counted, key=lambda each: (each.price_usd, each.seller), default=None)
    return Considered(
        counted=len(counted),
        other_condition=len(others) - len(alike) - unknown,
        unknown_condition=unknown,
        outliers=len(alike) - len(counted),
        lowest_usd=checked_usd(lowest.price_usd, "a competitor's price") if lowest else None,
        lowest_seller=lowest.seller if lowest else None,
    )


def _first(rule: RepricingRule, current: Decimal, seen: Considered) -> Step:
    if seen.lowest_usd is None:
        left_out = (
            f"{seen.other_condition} of another condition, {seen.unknown_condition} of an unknown one, "
            f"{seen.outliers} out of line"
        )
        if rule.fallback_usd is None:
            reason = (
                f"No competitor counts ({left_out}) and there is no fallback price: the present price is the start."
            )
            return Step(StepName.FALLBACK, current, current, reason)
        reason = f"No competitor counts ({left_out}): the fallback price {rule.fallback_usd} USD is the start."
        return Step(StepName.FALLBACK, current, rule.fallback_usd, reason)
    distance = rule.distance.of(seen.lowest_usd)
    below = rule.position is Position.UNDERCUT
    price = max(CENT, cents(seen.lowest_usd - distance if below else seen.lowest_usd + distance))
    reason = (
        f"The cheapest of {seen.counted} competitors ({seen.lowest_seller}) asks {seen.lowest_usd} USD; "
        f"{rule.distance} {'below' if below else 'above'} it is {price} USD."
    )
    return Step(StepName.TARGET, current, price, reason)


def _when_winning(listing: Priced, current: Decimal, seen: Considered, price: Decimal) -> list[Step]:
    """We win if the marketplace says so; where it says nothing, if we are cheaper than all that count."""
    winning = listing.winning
    if winning is None:
        winning = seen.lowest_usd is not None and current < seen.lowest_usd
    if not winning or price >= current:
        return []
    return [Step(StepName.ALREADY_WINNING, price, current, f"We win already at {current} USD: it is not lowered.")]


def _largest_step(rule: RepricingRule, current: Decimal, price: Decimal) -> list[Step]:
    drop, rise = rule.largest_drop, rule.largest_rise
    if drop is not None and price < (least := current - max(CENT, cents(drop.of(current)))):
        reason = f"At most {drop} down in one change: {least} USD."
        return [Step(StepName.LARGEST_DROP, price, least, reason)]
    if rise is not None and price > (most := current + max(CENT, cents(rise.of(current)))):
        return [Step(StepName.LARGEST_RISE, price, most, f"At most {rise} up in one change: {most} USD.")]
    return []


def _bounded(limits: Bounds, price: Decimal) -> list[Step]:
    held = limits.hold(price)
    if held > price:
        return [Step(StepName.MINIMUM, price, held, f"{price} USD is below the minimum: {held} USD.")]
    if held == price:
        return []
    crossed = held == limits.lowest and limits.highest is not None and limits.highest < limits.lowest
    name = StepName.MINIMUM if crossed else StepName.MAXIMUM
    which = "the minimum, which lies above the maximum," if crossed else "the maximum"
    return [Step(name, price, held, f"{price} USD is above {which} {held} USD.")]
