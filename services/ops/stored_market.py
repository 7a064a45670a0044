"""What the topics hold of one size of a product: its recorded markets, its sales, and the cost rules."""

from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from decimal import Decimal

from libs.bus.settings import KafkaSettings
from libs.pricing.backtest import Moment, PastSale
from libs.pricing.cost_rules import CostRule
from libs.projection.record import Located, Unreadable
from libs.projection.whole_topics import whole_topics
from schemas.cost_rules.cost_rule_changed import CostRuleChangedV1
from schemas.event import Fact
from schemas.market_data.market_data_recorded import MarketDataRecordedV1
from schemas.orders.order_changed import OrderChangedV2, OrderStatus
from schemas.recorded_sales.recorded_sale_changed import RecordedSaleChangedV1
from schemas.values import Money

CHANNEL = "stockx"
MOST_NAMED = 20
"""Records that were left out are counted all, and so many are named."""

_USD = "USD"
_TOPICS = ("market_data", "cost_rules", "recorded_sales", "orders")
_NOT_SOLD = (OrderStatus.CANCELLED, OrderStatus.RETURNED)


@dataclass
class LeftOut:
    """Records that nothing can be computed from: how many of each topic, and where the first of them stand, and why."""

    counts: Counter[str] = field(default_factory=Counter)
    named: list[str] = field(default_factory=list)

    def add(self, topic: str, partition: int, offset: int, reason: Exception) -> None:
        self.counts[topic] += 1
        if len(self.named) < MOST_NAMED:
            self.named.append(f"{topic}, partition {partition}, offset {offset}: {reason}")


@dataclass
class StoredMarket:
    """One size of a product, in US dollars. Markets must be taken first: they tell the variant."""

    sku: str
    size: str | None
    variant: str | None = None
    moments: list[Moment] = field(default_factory=list)
    rules: dict[int, CostRule] = field(default_factory=dict)
    sales: dict[str, PastSale | None] = field(default_factory=dict)
    left_out: LeftOut = field(default_factory=LeftOut)

    def take(self, topic: str, found: Located | Unreadable) -> None:
        """One record, in the log's order. What cannot be used is left out, and the rest goes on without it."""
        record = found.record
        if isinstance(found, Unreadable):
            self.left_out.add(topic, record.partition, record.offset, found.error)
            return
        try:
            self._fact(found.fact)
        except ValueError as error:
            self.left_out.add(topic, record.partition, record.offset, error)

    def _fact(self, fact: Fact) -> None:
        match fact:
            case MarketDataRecordedV1() if (fact.platform, fact.sku, fact.size) == (CHANNEL, self.sku, self.size):
                self.variant = fact.variant_id
                self.moments.append(Moment(fact.updated_at, _usd(fact.lowest_ask)))
            case CostRuleChangedV1():
                self._rule(fact)
            case RecordedSaleChangedV1() if (fact.sku, fact.size) == (self.sku, self.size):
                price = None if fact.withdrawn else _usd(fact.price)
                self.sales[fact.order_number or fact.key()] = None if price is None else PastSale(fact.sold_at, price)
            case OrderChangedV2() if fact.marketplace == CHANNEL:
                for line in fact.lines:
                    if (line.sku, line.variation_id) == (self.sku, self.variant):
                        price = None if fact.status in _NOT_SOLD else _usd(line.unit_price)
                        self.sales[fact.order_id] = None if price is None else PastSale(fact.placed_at, price)
            case _:
                pass  # of another product

    def _rule(self, fact: CostRuleChangedV1) -> None:
        """A rule that nothing can be computed from is none, as pricing has it; what it replaced holds no longer."""
        self.rules.pop(fact.cost_rule_id, None)
        if not fact.deleted:
            names = {name for name in CostRule.__dataclass_fields__ if name not in ("id", "channel")}
            values = {name: getattr(fact, name) for name in names}
            self.rules[fact.cost_rule_id] = CostRule(id=fact.cost_rule_id, channel=str(fact.channel), **values)


async def stored_market(kafka: KafkaSettings, sku: str, size: str | None) -> StoredMarket:
    """Read it. Raises KafkaAway."""
    found = StoredMarket(sku, size)
    async with aclosing(whole_topics(kafka, _TOPICS, "pricing")) as records:
        async for topic, record in records:
            found.take(topic, record)
    return found


def _usd(money: Money | None) -> Decimal | None:
    return money.amount if money is not None and money.currency == _USD else None
