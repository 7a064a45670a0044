"""`sellstream pricing backtest`: a repricing rule replayed over the stored market facts, beside what happened."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from libs.bus.reader import KafkaAway, extents, partitions_of, read_range
from libs.bus.settings import KafkaSettings
from libs.pricing.amounts import AmountRefused
from libs.pricing.backtest import Backtest, Moment, Outcome, PastSale, Scope, backtest
from libs.pricing.cost_rules import CostRule, CostRules, NoCostRule
from libs.pricing.repricing_rule import Amount, BoundUnknown, Distance, Percent, Position, RepricingRule
from libs.projection.record import Located, locate
from libs.stack import StackError
from schemas.cost_rules.cost_rule_changed import CostRuleChangedV1
from schemas.event import Fact
from schemas.market_data.market_data_recorded import MarketDataRecordedV1
from schemas.orders.order_changed import OrderChangedV2, OrderStatus
from schemas.recorded_sales.recorded_sale_changed import RecordedSaleChangedV1
from schemas.values import Money
from services.ops.connection import kafka_alone

_USD = "USD"
_CHANNEL = "stockx"
_TOPICS = ("market_data", "cost_rules", "recorded_sales", "orders")
_CHUNK = 5_000
_NOT_SOLD = (OrderStatus.CANCELLED, OrderStatus.RETURNED)


@dataclass
class Stored:
    """What the topics hold of one size of a product, in US dollars. Markets come first: they tell the variant."""

    sku: str
    size: str | None
    variant: str | None = None
    moments: list[Moment] = field(default_factory=list)
    rules: dict[int, CostRule] = field(default_factory=dict)
    sales: dict[str, PastSale | None] = field(default_factory=dict)

    def take(self, fact: Fact) -> None:
        """One fact, in the log's order."""
        match fact:
            case MarketDataRecordedV1() if (fact.platform, fact.sku, fact.size) == (_CHANNEL, self.sku, self.size):
                self.variant = fact.variant_id
                self.moments.append(Moment(fact.updated_at, _usd(fact.lowest_ask)))
            case CostRuleChangedV1():
                self._rule(fact)
            case RecordedSaleChangedV1() if (fact.sku, fact.size) == (self.sku, self.size):
                price = None if fact.withdrawn else _usd(fact.price)
                self.sales[fact.order_number or fact.key()] = None if price is None else PastSale(fact.sold_at, price)
            case OrderChangedV2() if fact.marketplace == _CHANNEL:
                for line in fact.lines:
                    if (line.sku, line.variation_id) == (self.sku, self.variant):
                        price = None if fact.status in _NOT_SOLD else _usd(line.unit_price)
                        self.sales[fact.order_id] = None if price is None else PastSale(fact.placed_at, price)
            case _:
                pass  # of another product

    def _rule(self, fact: CostRuleChangedV1) -> None:
        if fact.deleted:
            self.rules.pop(fact.cost_rule_id, None)
            return
        names = {name for name in CostRule.__dataclass_fields__ if name not in ("id", "channel")}
        values = {name: getattr(fact, name) for name in names}
        self.rules[fact.cost_rule_id] = CostRule(id=fact.cost_rule_id, channel=str(fact.channel), **values)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="Prices: what a rule would have done.", no_args_is_help=True)

    @group.callback()
    def pricing() -> None:
        """Keeps `backtest` a command of the group while it is the only one."""

    group.command("backtest")(run)
    app.add_typer(group, name="pricing")


def run(
    sku: Annotated[str, typer.Option(help="The style code.")],
    cost: Annotated[str, typer.Option(help="What one piece was bought for, in US dollars.")],
    start: Annotated[str, typer.Option(help="The price before the first recorded moment, in US dollars.")],
    size: Annotated[str | None, typer.Option(help="Left out: it has none.")] = None,
    undercut: Annotated[str | None, typer.Option(help="Below the lowest ask: `1` US dollar, or `2%`.")] = None,
    follow: Annotated[str | None, typer.Option(help="Above the lowest ask: `0`, `1`, or `2%`.")] = None,
    minimum: Annotated[str | None, typer.Option(help="Never below, in US dollars.")] = None,
    maximum: Annotated[str | None, typer.Option(help="Never above, in US dollars.")] = None,
    least_profit: Annotated[str | None, typer.Option(help="Never below what leaves this much.")] = None,
    largest_drop: Annotated[str | None, typer.Option(help="At most so far down at once: `5`, or `5%`.")] = None,
    market: Annotated[str, typer.Option(help="Country code, for the cost rules.")] = "US",
    category: Annotated[str, typer.Option(help="For the cost rules.")] = "*",
) -> None:
    """Replay a rule over StockX's recorded markets: profit and sales, beside what happened."""
    if (undercut is None) == (follow is None):
        _fail("Say either --undercut or --follow.")
    position = Position.UNDERCUT if undercut is not None else Position.FOLLOW
    try:
        rule = RepricingRule(
            id=1,
            version=1,
            position=position,
            distance=_distance(undercut or follow or "0"),
            minimum_usd=_amount(minimum),
            maximum_usd=_amount(maximum),
            least_profit_usd=_amount(least_profit),
            largest_drop=None if largest_drop is None else _distance(largest_drop),
        )
        stored = asyncio.run(_stored(sku, size))
        found = backtest(
            rule,
            Decimal(start),
            Decimal(cost),
            stored.moments,
            [sale for sale in stored.sales.values() if sale is not None],
            CostRules(stored.rules.values()),
            Scope(_CHANNEL, market, category),
        )
    except InvalidOperation:
        _fail("An amount is no number: write 12.50, or 5%.")
    except (AmountRefused, BoundUnknown, NoCostRule, KafkaAway, StackError, ValueError) as error:
        _fail(str(error))
    if not found.prices:
        _fail(f"No market of {sku} is recorded: `sellstream stockx market-data sync` records it.")
    _tell(found)


def _tell(found: Backtest) -> None:
    console = Console()
    table = Table("", "sales", "revenue USD", "profit USD")
    for name, outcome in (("what happened", found.happened), ("with the rule", found.replayed)):
        table.add_row(name, *_cells(outcome))
    console.print(table)
    prices = [point.price_usd for point in found.prices]
    console.print(
        f"{len(prices)} recorded moments, {found.changes} changes of the price, "
        f"from {min(prices)} to {max(prices)} USD."
    )
    for name, count in sorted(found.guardrails.items()):
        console.print(f"Held by {name}: {count} times.")
    console.print("Only buyers who really bought are counted; a lower price might have found more.", style="dim")


def _cells(outcome: Outcome) -> tuple[str, str, str]:
    return str(outcome.sales), str(outcome.revenue_usd), str(outcome.profit_usd)


async def _stored(sku: str, size: str | None) -> Stored:
    stored = Stored(sku, size)
    async with aclosing(_facts(kafka_alone())) as facts:
        async for fact in facts:
            stored.take(fact)
    return stored


async def _facts(kafka: KafkaSettings) -> AsyncGenerator[Fact, None]:
    for topic in _TOPICS:
        found = await extents(kafka, await partitions_of(kafka, [topic]))
        begin = {partition: extent.begin for partition, extent in found.items()}
        end = {partition: extent.end for partition, extent in found.items()}
        async with aclosing(read_range(kafka, begin, end, max_records=_CHUNK)) as chunks:
            async for chunk in chunks:
                for partition, part in chunk.items():
                    for record in part.records:
                        located = locate(record, partition.topic, "pricing")
                        if isinstance(located, Located):
                            yield located.fact


def _usd(money: Money | None) -> Decimal | None:
    return money.amount if money is not None and money.currency == _USD else None


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _distance(text: str) -> Distance:
    return Percent(Decimal(text.removesuffix("%"))) if text.endswith("%") else Amount(Decimal(text))


def _fail(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise typer.Exit(1)
